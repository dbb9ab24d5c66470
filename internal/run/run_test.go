package run

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"infra/internal/process"
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

// What cannot be had again is never swept, however old.
func TestSweepKeepsWhatIsNowhereElse(t *testing.T) {
	project := t.TempDir()
	parent := filepath.Join(project, ".infra", "runs", "prod")
	for i := range kept + 5 {
		if err := os.MkdirAll(filepath.Join(parent, fmt.Sprintf("2020%04dT000000Z-abcdef", i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	unsaved := filepath.Join(parent, "20200000T000000Z-abcdef")
	if err := os.WriteFile(filepath.Join(unsaved, "baseline-prod-errored.tfstate"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy := filepath.Join(parent, "20200001T000000Z-abcdef")
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := self.Record(Children(busy)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(project, "prod"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{unsaved, busy} {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(parent, "20200002T000000Z-abcdef")); err == nil {
		t.Error("the next one was not swept")
	}
	if found, err := Unsaved(unsaved); err != nil || len(found) != 1 {
		t.Errorf("unsaved states are %v, %v", found, err)
	}
}

func TestTidyRemovesSecrets(t *testing.T) {
	r, err := New(t.TempDir(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{ // whether it stays
		"baseline.tfplan": false, "baseline.tfvars.json": false, "variables.json": false, LeaseFile: false,
		"baseline-prod-apply.jsonl": true, "baseline-prod-errored.tfstate": true, "inventory.yaml": true,
	}
	for name := range files {
		if _, err := r.Write(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Tidy(); err != nil {
		t.Fatal(err)
	}
	for name, stays := range files {
		if _, err := os.Stat(r.File(name)); (err == nil) != stays {
			t.Errorf("%s: stays %v", name, err == nil)
		}
	}
}
