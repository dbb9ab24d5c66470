package spelling_test

import (
	"strings"
	"testing"

	"infra/internal/spelling"
)

func TestNearest(t *testing.T) {
	known := []string{"acme", "prod", "staging", "sandbox"}
	for _, c := range []struct{ word, want string }{
		{"prod", "prod"},
		{"prd", "prod"},
		{"pord", "prod"},
		{"Prod", "prod"},
		{"stagng", "staging"},
		{"sandbux", "sandbox"},
		{"xyz", ""},
		{"", ""},
		{strings.Repeat("prod", 20), ""},
	} {
		if got := spelling.Nearest(c.word, known); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
	if got := spelling.Suggest("prd", known); got != `; did you mean "prod"?` {
		t.Errorf("Suggest = %q", got)
	}
	if got := spelling.Suggest("nothing", known); got != "" {
		t.Errorf("Suggest = %q", got)
	}
}
