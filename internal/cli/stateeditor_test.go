package cli

import (
	"slices"
	"testing"
)

func TestRow47EditorsAreSplitWithoutAShell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"vi":                            {"vi"},
		"  code   --wait ":              {"code", "--wait"},
		`'/opt/my editor/bin' -n`:       {"/opt/my editor/bin", "-n"},
		`emacs -f "auto \"fill\" mode"`: {"emacs", "-f", `auto "fill" mode`},
		`a\ b '\n' ''`:                  {"a b", `\n`, ""},
		"vi; rm -rf $HOME `id`":         {"vi;", "rm", "-rf", "$HOME", "`id`"},
		"":                              nil,
	} {
		if got, err := words(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`vi "x`, `vi 'x`, `vi \`} {
		if got, err := words(text); err == nil {
			t.Errorf("%q is taken as %q", text, got)
		}
	}
}

func TestEditorsGetNoAccessToAWS(t *testing.T) {
	t.Parallel()
	got := withoutAWS([]string{"TERM=xterm", "AWS_SECRET_ACCESS_KEY=x", "HOME=/root", "AWS_PROFILE=p"})
	if !slices.Equal(got, []string{"TERM=xterm", "HOME=/root"}) {
		t.Errorf("an editor gets %q", got)
	}
}
