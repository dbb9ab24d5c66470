package ssh

import (
	"os"
	"path/filepath"
	"testing"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	empty, keys := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(keys, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, ".ssh", "id_ed25519"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		agent string
		homes []string
		want  bool
	}{{"", []string{empty}, false}, {"", []string{"", empty}, false}, {"/run/agent", []string{empty}, true}, {"", []string{keys}, true}, {"", []string{empty, keys}, true}} {
		if got := identity(c.agent, c.homes); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
