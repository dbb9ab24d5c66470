package host

import (
	"bytes"
	"testing"

	"github.com/docker/docker/client"

	"infra/internal/sandbox/emulator"
)

func TestConsoleKeepsItsBeginningAndItsEnd(t *testing.T) {
	var console Console
	first, last := []byte("host keys\n"), []byte("the last line\n")
	for _, text := range [][]byte{first, bytes.Repeat([]byte("x"), consoleHead), bytes.Repeat([]byte("y"), 3*consoleTail), last} {
		if n, err := console.Write(text); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	text, version := console.Text()
	if !bytes.HasPrefix(text, first) || !bytes.HasSuffix(text, last) || len(text) != consoleHead+consoleTail {
		t.Errorf("%d bytes, %q to %q", len(text), text[:10], text[len(text)-14:])
	}
	if _, again := console.Text(); again != version {
		t.Error("reading changes the version")
	}
}

func TestSpec(t *testing.T) {
	docker, err := client.NewClientWithOpts(client.WithVersion("1.41"))
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Docker: docker, Image: "infra-host:1"}
	config, resources, networking := m.spec(emulator.Instance{
		ID: "i-1", Subnet: "subnet-1", Region: "eu-west-1", PrimaryAddress: "10.20.1.10", MAC: "02:00:00:00:00:01",
	}, "infra-host:test")
	if config.Hostname != "ip-10-20-1-10" || config.Labels[Label] != "i-1" || !config.Tty {
		t.Errorf("%+v", config)
	}
	if resources.Privileged || len(resources.Binds) > 0 || len(resources.Mounts) > 0 {
		t.Error("a host may not see the machine's files")
	}
	endpoint := networking.EndpointsConfig["subnet-1"]
	if endpoint == nil || endpoint.IPAMConfig.IPv4Address != "10.20.1.10" || endpoint.MacAddress != "" {
		t.Errorf("%+v", endpoint)
	}
}
