package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/fault"
)

func TestPort(t *testing.T) {
	for endpoint, want := range map[string]int{
		"http://127.0.0.1:4566":     4566,
		"http://127.0.0.1:4566/":    4566,
		"https://127.0.0.1:4566":    0,
		"http://10.0.0.1:4566":      0,
		"http://localhost:4566":     0,
		"http://127.0.0.1":          0,
		"http://127.0.0.1:0":        0,
		"http://127.0.0.1:99999":    0,
		"http://[::1]:4566":         0,
		"":                          0,
		"http://127.0.0.1:4566\x7f": 0,
	} {
		port, err := Config{Endpoint: endpoint}.port()
		if port != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", endpoint, port, err)
		}
	}
	_, err := Config{Dir: "/x", Endpoint: "https://example.com", File: "environments/eu/me.yaml"}.settle()
	if fault.CodeOf(err) != fault.Usage || !strings.HasSuffix(fault.HintOf(err), "in environments/eu/me.yaml") {
		t.Errorf("a bad endpoint: %v", err)
	}
}

func TestSettleFollowsLinks(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	one, err := Config{Dir: filepath.Join(folder, ".infra", "sandbox"), Endpoint: "http://127.0.0.1:1"}.settle()
	if err != nil {
		t.Fatal(err)
	}
	two, err := Config{Dir: filepath.Join(link, ".infra", "sandbox"), Endpoint: "http://127.0.0.1:1"}.settle()
	if err != nil {
		t.Fatal(err)
	}
	if one.Dir != two.Dir || one.layout() != two.layout() {
		t.Errorf("one folder, two sandboxes: %s and %s", one.Dir, two.Dir)
	}
}

func TestDaemonEnvironment(t *testing.T) {
	got := daemonEnvironment([]string{
		"HOME=/root", "AWS_SECRET_ACCESS_KEY=x", "AWS_ENDPOINT_URL=y", "https_proxy=z", "PYTHONPATH=p", "TF_VAR_a=b", "PATH=/bin",
	})
	if !slices.Equal(got[:2], []string{"HOME=/root", "https_proxy=z"}) || len(got) != 3 || !strings.HasPrefix(got[2], "PATH=") {
		t.Errorf("the daemon would see %v", got)
	}
}

func TestFollower(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress")
	var lines []string
	var f follower
	for _, text := range []string{"", "one\ntw", "one\ntwo\n", "one\ntwo\nthree\nfour"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.report(path, func(line string) { lines = append(lines, line) }); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestStatusWithoutSandbox(t *testing.T) {
	status, err := ReadStatus(t.Context(), Config{Dir: filepath.Join(t.TempDir(), ".infra", "sandbox"), Endpoint: "http://127.0.0.1:1"})
	if err != nil || status.State != stopped {
		t.Errorf("%+v, %v", status, err)
	}
}
