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
		home, agent string
		want        bool
	}{{empty, "", false}, {"", "", false}, {empty, "/run/agent", true}, {keys, "", true}} {
		got := Identity(func(name string) string { return map[string]string{"HOME": c.home, "SSH_AUTH_SOCK": c.agent}[name] })
		if got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
