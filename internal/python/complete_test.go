package python

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCompleteAfterChange changes one thing at a time around an environment
// that works.
func TestCompleteAfterChange(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(t *testing.T, project, system string)
		want bool
	}{
		"nothing": {func(*testing.T, string, string) {}, true},
		"never built to its end": {func(t *testing.T, project, _ string) {
			remove(t, filepath.Join(project, "ansible", marker))
		}, false},
		"the system's Python is another": {func(t *testing.T, _, system string) {
			remove(t, filepath.Join(system, "python3.11"))
		}, false},
		"the system has none": {func(t *testing.T, _, system string) {
			remove(t, filepath.Join(system, "python3"))
		}, false},
		"scripts name another place": {func(t *testing.T, project, _ string) {
			write(t, filepath.Join(project, "ansible", "bin", "pip"), "#!/no/such/place/ansible/bin/python\n")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			project, system := t.TempDir(), t.TempDir()
			folder := filepath.Join(project, "ansible")
			write(t, filepath.Join(system, "python3"), "")
			write(t, filepath.Join(system, "python3.11"), "")
			write(t, filepath.Join(folder, marker), "")
			write(t, filepath.Join(folder, "pyvenv.cfg"), "home = "+system+"\nexecutable = "+filepath.Join(system, "python3.11")+"\n")
			write(t, filepath.Join(folder, "bin", "pip"), "#!"+filepath.Join(folder, "bin", "python")+"\n")
			if err := os.Symlink(filepath.Join(system, "python3"), filepath.Join(folder, "bin", "python")); err != nil {
				t.Fatal(err)
			}
			test.harm(t, project, system)
			if got := complete(folder); got != test.want {
				t.Errorf("complete is %t", got)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
