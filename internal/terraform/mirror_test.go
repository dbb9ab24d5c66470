package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMirror(t *testing.T) {
	root := t.TempDir()
	mirror := filepath.Join(root, "share", "vendor", "plugins")
	deep := filepath.Join(root, "deep", "1", "2", "3", "4")
	for _, dir := range []string{mirror, deep} {
		if err := os.MkdirAll(filepath.Join(dir, provider), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got := Mirror([]string{filepath.Join(root, "absent"), filepath.Join(root, "share")}); got != mirror {
		t.Errorf("found %q, want %q", got, mirror)
	}
	if got := Mirror([]string{mirror}); got != mirror {
		t.Errorf("the place itself: found %q", got)
	}
	if got := Mirror([]string{filepath.Join(root, "deep")}); got != "" {
		t.Errorf("searched too deep: %q", got)
	}
	if got := Mirror(nil); got != "" {
		t.Errorf("found %q in no place", got)
	}
}

func TestCLIConfig(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(home, "absent.rc"))
	t.Setenv("TERRAFORM_CONFIG", "")
	if err := os.MkdirAll(filepath.Join(home, ".terraform.d", "mirror", provider), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x", "terraform.rc")
	got, err := CLIConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != file {
		t.Fatalf("with a variable that names no file, infra's own configuration is used, not %q", got)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, ".terraform.d", "mirror"); !strings.Contains(string(text), want) {
		t.Errorf("the configuration does not name %s:\n%s", want, text)
	}
	own := filepath.Join(home, ".terraformrc")
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err = CLIConfig(file); err != nil || got != own {
		t.Errorf("the user's own configuration does not win: %q, %v", got, err)
	}
}
