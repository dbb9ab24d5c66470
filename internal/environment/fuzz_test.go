package environment_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"infra/internal/environment"
)

// fuzzBase is what every fuzzed file may extend.
const fuzzBase = "region: eu-west-1\n"

// FuzzLoad holds for any content of a file: no panic, and either a whole
// environment with nothing odd in it, or problems that each have a place and
// print safely. `go test -fuzz FuzzLoad ./internal/environment`
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
		"extends: ../../etc/passwd\n",
		right + network + "tags: {\"{{ 1 }}\": \"$(id)\"}\n",
	} {
		f.Add(seed)
	}
	shipped, err := filepath.Glob("../../environments/*.yaml")
	if err != nil || len(shipped) < 4 {
		f.Fatalf("the shipped environments: %v, %v", shipped, err)
	}
	for _, path := range shipped {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		at := filepath.Join(dir, "environments")
		if err := os.Mkdir(at, 0o750); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"here.yaml": text, "base.yaml": fuzzBase} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e, err := environment.Load(dir, "here")
		if err == nil {
			accepted(t, dir, e)
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
			if whole := strings.HasSuffix(p.Message, "KiB"); p.Place.Line < 1 && !whole {
				t.Errorf("no place: %q", p.Error())
			}
		}
	})
}

// accepted is what holds for an environment that was loaded.
func accepted(t *testing.T, dir string, e *environment.Environment) {
	t.Helper()
	settings := e.Settings()
	for what, c := range map[string][2]string{
		"account": {e.Account(), `^[0-9]{12}$`},
		"region":  {e.Region(), `^[a-z]{2}(-[a-z]+)+-[1-9]$`},
		"cidr":    {e.Pipeline().VPC.CIDR, `^[0-9]{1,3}(\.[0-9]{1,3}){3}/(1[6-9]|20)$`},
		"bucket":  {e.StateBucket(), `^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`},
		"user":    {e.SSH().User, `^[a-z_][a-z0-9_-]{0,31}$`},
	} {
		if !regexp.MustCompile(c[1]).MatchString(c[0]) {
			t.Errorf("%s %q was accepted", what, c[0])
		}
	}
	texts(t, "", reflect.ValueOf(settings))
	for _, product := range []string{"baseline", "pipeline"} {
		variables, err := e.TerraformVariables(product, environment.Inputs{})
		if err != nil || !json.Valid(variables) {
			t.Errorf("variables of %s: %v\n%s", product, err, variables)
		}
	}
	again, err := environment.Load(dir, e.Name())
	if err != nil || !reflect.DeepEqual(again.Settings(), settings) {
		t.Errorf("loaded a second time it differs: %v", err)
	}
}

// texts wants no character in any accepted text that does not print, or that
// hides what the text says.
func texts(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		hides := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
		if strings.ContainsFunc(v.String(), hides) || strings.ToValidUTF8(v.String(), "") != v.String() {
			t.Errorf("%s is %q", path, v.String())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			texts(t, path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(t, path+"[]", v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			texts(t, path+".key", key)
			texts(t, path+"."+key.String(), v.MapIndex(key))
		}
	default: // numbers and truth values say nothing odd
	}
}
