package environment_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"infra/internal/environment"
)

// FuzzLoad holds for any content of a file: no panic, and either a whole
// environment or problems that each have a place and print safely.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		right + network,
		"extends: base\n" + right,
		"a: &a [*a]\n",
		"a: [1, 2\nb: {\n",
		"? {}\n: - \"\\u202e\"\n",
		"%YAML 9.9\n--- |\n x\n--- >\n",
		"region: !!binary aGk=\ntags: {<<: 1}\n",
		"\ufeffregion: a\r\n",
		"products: {pipeline: {vpc: {cidr: 10.0.0.0/99}}}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		at := filepath.Join(dir, "environments")
		if err := os.Mkdir(at, 0o750); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"here.yaml": text, "base.yaml": "region: eu-west-1\n"} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e, err := environment.Load(dir, "here")
		if err == nil {
			if e.Account() == "" || e.Region() == "" || e.Pipeline().VPC.CIDR == "" {
				t.Errorf("not whole: %+v", e.Settings())
			}
			return
		}
		var problems environment.Problems
		if !errors.As(err, &problems) {
			if !strings.Contains(err.Error(), "no account is set") {
				t.Errorf("not problems: %v", err)
			}
			return
		}
		for _, p := range problems {
			if p.Place.File == "" || strings.ContainsFunc(p.Message, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", p.Error())
			}
		}
	})
}
