package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPackages(t *testing.T) {
	packages, err := Packages()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(packages) || len(slices.Compact(slices.Clone(packages))) != len(packages) {
		t.Error("the list is unsorted or names a package twice")
	}
}

func TestArguments(t *testing.T) {
	got := arguments("/bake", "/bake/root.tar", []string{"a", "b"})
	for _, want := range []string{
		"--variant=minbase", "--include=a,b", "--setup-hook=/bake/prepare.sh", "--customize-hook=/bake/finish.sh",
		"--aptopt=/bake/proxies.conf", "bookworm", "/bake/root.tar", "deb http://deb.debian.org/debian-security bookworm-security main",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing from %q", want, got)
		}
	}
}

func TestHash(t *testing.T) {
	one, err := Hash()
	if err != nil {
		t.Fatal(err)
	}
	two, err := Hash()
	if err != nil || one != two || len(one) != 12 {
		t.Errorf("%q, then %q, %v", one, two, err)
	}
}

// TestScripts lets the shell and Python parse what runs inside hosts.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	if err := unpack(dir); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, script := range scripts {
		if output, err := exec.CommandContext(t.Context(), "sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", filepath.Base(script), err, output)
		}
		info, err := os.Stat(script)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be executed: %v", script, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "init.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\nexec /sbin/init\n") {
		t.Error("the first program does not become systemd")
	}
}

func TestEnsureTakesWhatIsThere(t *testing.T) {
	cache := t.TempDir()
	hash, err := Hash()
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(cache, "host-"+hash+".tar")
	if err := os.WriteFile(want, []byte("tar"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Ensure(t.Context(), cache, func(step string) { t.Errorf("it bakes: %s", step) })
	if err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}
