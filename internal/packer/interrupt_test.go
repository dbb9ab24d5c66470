package packer

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
)

// Packer passes no interrupt of its first process on to the second one, which
// has the host: both must get it, and Run must wait for the host's end.
func TestInterruptedPackerRemovesItsHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	if err := os.Symlink(self, filepath.Join(path, "packer")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	host := filepath.Join(dir, "host")
	go func() {
		defer cancel()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(host); err == nil {
				return
			}
		}
	}()
	var said bytes.Buffer
	_, err = Build{Dir: dir, Environment: os.Environ(), Log: &said}.Run(ctx, Variables{Name: "hosts"})
	if fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("%v\n%s", err, said.String())
	}
	if _, err := os.Stat(host); err == nil {
		t.Error("the host is left")
	}
	if hint := fault.HintOf(err); !strings.Contains(hint, "the same command again") {
		t.Errorf("the way out is %q", hint)
	}
}
