package internal_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"infra/internal/python"
)

// The Python programs that roles install have tests of their own. They run by
// Ansible's interpreter, which has the libraries that the hosts have.
func TestProgramsOfRoles(t *testing.T) {
	t.Parallel()
	folder, installed := python.Installed("..", "ansible")
	if !installed {
		t.Skip("Ansible is not installed: infra doctor --install")
	}
	interpreter, err := filepath.Abs(filepath.Join(folder, "python3"))
	if err != nil {
		t.Fatal(err)
	}
	suites, err := filepath.Glob("../ansible/roles/*/tests")
	if err != nil || len(suites) == 0 {
		t.Fatalf("no role has tests: %v", err)
	}
	for _, suite := range suites {
		role := filepath.Dir(suite)
		t.Run(filepath.Base(role), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), interpreter, "-m", "unittest", "discover", "--start-directory", "tests")
			cmd.Dir = role
			cmd.Env = append(os.Environ(), "PYTHONPATH=files", "PYTHONDONTWRITEBYTECODE=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if bytes.Contains(out, []byte("Ran 0 tests")) {
				t.Error("there is nothing to run")
			}
		})
	}
}
