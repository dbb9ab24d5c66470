package snapshot

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"infra/internal/python"
	"infra/internal/sandbox/emulator"
)

// newEmulator starts an AWS API without hosts; it ends with the test.
func newEmulator(t *testing.T) *emulator.Client {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin, err := python.Ensure(t.Context(), checkout, "moto", func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	process, err := emulator.Start(t.Context(), emulator.Options{Dir: t.TempDir(), Python: bin, Port: port, Account: "123456789012", PublicCIDR: "198.19.7.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
	})
	return process.Client()
}
