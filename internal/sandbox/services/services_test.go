package services

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/sandbox/emulator"
)

// start runs all services on loopback in front of an emulator.
func start(t *testing.T, emulatorURL string, change func(*Config)) *Services {
	t.Helper()
	snapshot := world()
	config := Config{
		EmulatorURL: emulatorURL, Dir: t.TempDir(), Region: "eu-west-1",
		Snapshot:        func() emulator.Snapshot { return snapshot },
		MetadataAddress: "127.0.0.1:0", DNSAddress: "127.0.0.1:0", FrontAddress: "127.0.0.1:0",
	}
	if change != nil {
		change(&config)
	}
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDNSOverBothTransports(t *testing.T) {
	t.Parallel()
	snapshot := world()
	snapshot.Instances[0].PrivateAddresses = []string{"127.0.0.1"}
	var many []string
	for i := range 200 {
		many = append(many, net.IPv4(10, 20, 2, byte(i)).String())
	}
	snapshot.DNSZones[0].Records = append(snapshot.DNSZones[0].Records,
		emulator.DNSRecord{Name: "many.sandbox.internal", Type: "A", TTL: 1, Values: many})
	s := start(t, "http://127.0.0.1:1", func(c *Config) { c.Snapshot = func() emulator.Snapshot { return snapshot } })
	address := s.dns.udp.PacketConn.LocalAddr().String()
	for _, test := range []struct {
		network, name string
		code, answers int
		truncated     bool
	}{
		{"udp", "zookeeper-1.sandbox.internal.", dns.RcodeSuccess, 1, false},
		{"tcp", "zookeeper-1.sandbox.internal.", dns.RcodeSuccess, 1, false},
		{"udp", "db.secret.internal.", dns.RcodeNameError, 0, false},
		{"udp", "many.sandbox.internal.", dns.RcodeSuccess, -1, true},
		{"tcp", "many.sandbox.internal.", dns.RcodeSuccess, 200, false},
	} {
		query := new(dns.Msg).SetQuestion(test.name, dns.TypeA)
		reply, _, err := (&dns.Client{Net: test.network}).ExchangeContext(t.Context(), query, address)
		if err != nil {
			t.Fatalf("%s %s: %v", test.network, test.name, err)
		}
		if reply.Rcode != test.code || reply.Truncated != test.truncated || (test.answers >= 0 && len(reply.Answer) != test.answers) {
			t.Errorf("%s %s: %s, %d answers, truncated %v", test.network, test.name, dns.RcodeToString[reply.Rcode], len(reply.Answer), reply.Truncated)
		}
	}
}

func TestAuthorityIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	first, err := openAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openAuthority(dir)
	if err != nil || !bytes.Equal(first.pem, second.pem) {
		t.Errorf("another authority at the second start: %v", err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "ca-key.pem"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openAuthority(dir); err == nil || fault.HintOf(err) == "" {
		t.Errorf("a damaged authority: %v", err)
	}
}

func TestStartLeavesNothingOpenWhenAPortIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	metadata := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Config{
		EmulatorURL: "http://127.0.0.1:1", Dir: t.TempDir(), Snapshot: world,
		MetadataAddress: metadata, FrontAddress: "127.0.0.1:0", DNSAddress: taken.Addr().String(),
	})
	if !errors.Is(err, unix.EADDRINUSE) || fault.HintOf(err) == "" {
		t.Errorf("error %v", err)
	}
	again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", metadata)
	if err != nil {
		t.Fatalf("the metadata port is still held: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
