package bundle_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/bundle"
	"infra/internal/fault"
)

// A tmpfs of a few pages is a real disk that is full.
func TestRow34DiskFull(t *testing.T) {
	full := t.TempDir()
	if err := unix.Mount("tmpfs", full, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("only root can mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(full, 0); err != nil {
			t.Error(err)
		}
	})
	random := make([]byte, 64<<10) // does not get smaller
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(plan, random, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bundle.Write(filepath.Join(full, "b"), manifest(), map[string]string{"baseline": plan})
	if err == nil || !strings.Contains(err.Error(), "no space left") || fault.HintOf(err) != "df -h "+full {
		t.Errorf("error %v, hint %q", err, fault.HintOf(err))
	}
	made, err := bundle.Write(filepath.Join(t.TempDir(), "b"), manifest(), map[string]string{"baseline": plan})
	if err != nil {
		t.Fatal(err)
	}
	_, err = bundle.Open(made.Path, full)
	if err == nil || fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("opening there: %v", err)
	}
	if left, _ := os.ReadDir(full); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
