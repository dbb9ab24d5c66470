package doctor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMachine: every check of a machine answers, in the same order, and what
// is not fine says what to type.
func TestMachine(t *testing.T) {
	s := Subject{Project: t.TempDir()}
	found := Examine(t.Context(), s)
	names := []string{}
	for _, f := range found {
		names = append(names, strings.Fields(f.Check)[0])
		if f.Detail == "" || (f.State == OK) != (f.Mend == "") {
			t.Errorf("%+v", f)
		}
	}
	if got := strings.Join(names, " "); got != "Terraform Terraform Python Ansible OpenSSH git Packer, project disk memory"+clocks {
		t.Errorf("the checks are %s", got)
	}
	if info, err := os.Stat(filepath.Join(s.Project, ".infra")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

func TestProviders(t *testing.T) {
	registry := httptest.NewServer(http.NotFoundHandler())
	defer registry.Close()
	for _, c := range []struct {
		mirror, registry string
		want             State
		says             string
	}{
		{"/srv/mirror", "http://127.0.0.1:1", OK, "offline mirror /srv/mirror"},
		{"", registry.URL, OK, "which answers"},
		{"", "http://127.0.0.1:1", Warn, "does not answer"},
	} {
		if f := providers(t.Context(), c.mirror, c.registry); f.State != c.want || !strings.Contains(f.Detail, c.says) || (f.Mend == "") != (f.State == OK) {
			t.Errorf("%q, %s: %+v", c.mirror, c.registry, f)
		}
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		states  []State
		healthy bool
	}{{[]State{OK, Warn, Unknown}, true}, {[]State{OK, Fail}, false}, {nil, true}} {
		var findings []Finding
		for _, state := range c.states {
			findings = append(findings, Finding{State: state})
		}
		doc := Report(nil, findings)
		if doc.Schema != "infra/doctor/v2" || doc.Healthy != c.healthy || len(doc.Counts) != 4 {
			t.Errorf("%v: %+v", c.states, doc)
		}
	}
}

func TestRoom(t *testing.T) {
	for _, c := range []struct {
		free uint64
		want State
	}{{10, Fail}, {99, Fail}, {100, Warn}, {999, Warn}, {1000, OK}} {
		if state, mend := room(c.free, 1000, 100, "df"); state != c.want || (mend == "") != (state == OK) {
			t.Errorf("%d free: %s, %q", c.free, state, mend)
		}
	}
}

// TestProgram: a program that is missing, or cannot run, is not fine.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name, script := range map[string]string{"sound": "#!/bin/sh\necho sound 1.2\necho more\n", "broken": "#!/bin/sh\necho no library >&2\nexit 127\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]Finding{
		"sound":  {"it", OK, "sound 1.2, " + dir + "/sound", ""},
		"broken": {"it", Warn, dir + "/broken does not say its version: exit status 127: no library", "get it"},
		"absent": {"it", Warn, "absent is not on PATH", "get it"},
	} {
		if got := program(t.Context(), "it", Warn, "get it", name, "--version"); got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOffset: the clock of who answers is read from any answer, errors too.
func TestOffset(t *testing.T) {
	for _, ahead := range []time.Duration{0, -10 * time.Minute, time.Hour} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusForbidden)
		}))
		got, err := offset(t.Context(), server.URL)
		if err != nil || (got-ahead).Abs() > 3*time.Second {
			t.Errorf("%s ahead: %s, %v", ahead, got, err)
		}
		server.Close()
	}
	if _, err := offset(t.Context(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	at := strings.TrimPrefix(server.URL, "http://")
	if err := answers(t.Context(), at); err != nil {
		t.Error(err)
	}
	server.Close()
	if err := answers(t.Context(), at); err == nil || err.Error() != "connection refused" {
		t.Errorf("a closed port: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := answers(ended, at); err == nil {
		t.Error("an ended context answers")
	}
}
