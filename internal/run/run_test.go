package run

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestNew(t *testing.T) {
	project := t.TempDir()
	r, err := New(project, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{6}$`).MatchString(r.ID) {
		t.Errorf("the id is %q", r.ID)
	}
	info, err := os.Stat(r.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
	path, err := r.Write("a.json", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestOldRunsAreSwept(t *testing.T) {
	project := t.TempDir()
	parent := filepath.Join(project, ".infra", "runs", "prod")
	for i := range kept + 5 {
		if err := os.MkdirAll(filepath.Join(parent, fmt.Sprintf("2020%04dT000000Z-abcdef", i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(project, "prod")
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != kept {
		t.Fatalf("%d runs are left (%v), want %d", len(left), err, kept)
	}
	if left[len(left)-1].Name() != r.ID {
		t.Errorf("the newest is %s, want %s", left[len(left)-1].Name(), r.ID)
	}
}
