package git

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is had as a commit has it, whatever the folder has now.
func TestFile(t *testing.T) {
	author(t)
	r := local(t)
	commit := strings.TrimSpace(r.git("rev-parse", "HEAD"))
	before, err := os.ReadFile(filepath.Join(r.dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "main.tf"), []byte("# other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{commit, commit[:7]} {
		if got, err := File(t.Context(), r.dir, at, "main.tf"); err != nil || !bytes.Equal(got, before) {
			t.Errorf("%s: %q, %v", at, got, err)
		}
	}
	for name, c := range map[string][2]string{
		"no such file":   {commit, "none.tf"},
		"no such commit": {strings.Repeat("0", 40), "main.tf"},
		"none":           {"", "main.tf"},
		"an option":      {"--help", "main.tf"},
	} {
		if got, err := File(t.Context(), r.dir, c[0], c[1]); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}
