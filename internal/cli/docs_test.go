package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const reference = "../../cmd/infra/README.md"

// The committed reference is what the program says of itself.
func TestReference(t *testing.T) {
	want := Reference()
	if os.Getenv("RENEW") != "" {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date; run: RENEW=1 go test ./internal/cli -run Reference", reference)
	}
	for _, command := range Commands() {
		if !strings.Contains(want, "\n## infra "+command+"\n") {
			t.Errorf("infra %s is not in the reference", command)
		}
	}
	if home, err := os.UserHomeDir(); err != nil || strings.Contains(want, home+"/") {
		t.Errorf("the reference names a folder of this machine: %v", err)
	}
}

// A release has a man page for every command and completions for every shell.
func TestWriteDocs(t *testing.T) {
	dir := t.TempDir()
	if err := writeDocs(dir, time.Unix(0, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	for _, command := range append(Commands(), "") {
		page := strings.TrimSuffix("infra-"+strings.ReplaceAll(command, " ", "-"), "-") + ".1"
		text, err := os.ReadFile(filepath.Join(dir, "man1", page))
		if err != nil || !strings.Contains(string(text), ".TH") || !strings.Contains(string(text), "1970") {
			t.Errorf("%s: %v", page, err)
		}
	}
	for _, shell := range []string{"infra.bash", "_infra", "infra.fish", "infra.ps1"} {
		text, err := os.ReadFile(filepath.Join(dir, "completions", shell))
		if err != nil || !strings.Contains(string(text), "__complete") {
			t.Errorf("%s: %v", shell, err)
		}
	}
}
