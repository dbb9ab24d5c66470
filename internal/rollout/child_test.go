package rollout

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExplained(t *testing.T) {
	for _, c := range []struct{ said, message, hint string }{
		{"", "", ""},
		{"    1s  baseline/acme: planning\n", "", ""},
		{"error: it broke\n", "it broke", ""},
		{"  1s  a step\nerror: it broke\n  next: infra doctor acme\n", "it broke", "infra doctor acme"},
		{"error: it was refused\n  next: infra plan acme\n  more: infra runbook 3\n", "it was refused", "infra plan acme"},
		{"error: nobody knows\n  more: infra runbook 4\n", "nobody knows", ""},
		{"error: the first\nerror: the last\nof two lines\n  next: infra one\n        infra two\n", "the last\nof two lines", "infra one\ninfra two"},
	} {
		if message, hint := explained([]byte(c.said)); message != c.message || hint != c.hint {
			t.Errorf("%q: %q, %q", c.said, message, hint)
		}
	}
}

func TestDoing(t *testing.T) {
	log := filepath.Join(t.TempDir(), "acme.log")
	if got := Doing(log); got != "" {
		t.Errorf("without a log: %q", got)
	}
	for said, want := range map[string]string{
		"":                                       "",
		"   12s  baseline/acme: applying\n":      "baseline/acme: applying",
		"    1s  one\n  1m02s  two things\n":     "two things",
		"1 environment selected\n":               "1 environment selected",
		"    3s  the last line is not whole yet": "the last line is not whole yet",
	} {
		if err := os.WriteFile(log, []byte(said), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Doing(log); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestDocument(t *testing.T) {
	for out, want := range map[string]string{
		"":                            "",
		"{\n  \"schema\": \"a\"\n}\n": "{\n  \"schema\": \"a\"\n}",
		"{\"event\":\"x\"}\n{\"event\":\"y\"}\n{\"schema\":\"infra/run/v1\"}\n": `{"schema":"infra/run/v1"}`,
		"{\"event\":\"x\"}\n{\"cut": `{"event":"x"}`,
	} {
		if got := string(document([]byte(out))); got != want {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}
