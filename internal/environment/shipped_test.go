package environment_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/environment"
)

// project is the folder of this repository.
const project = "../.."

// renewing says that the generated files are to be written anew: the schema
// and the table in the README.
func renewing() bool { return os.Getenv("RENEW") != "" }

const renew = "run: RENEW=1 go test ./internal/environment -run Generated"

func TestShippedEnvironmentsLoad(t *testing.T) {
	all, err := environment.LoadAll(project)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
		if _, err := environment.Load(project, e.Name()); err != nil {
			t.Errorf("Load(%s): %v", e.Name(), err)
		}
	}
	if got := strings.Join(names, " "); got != "acme prod sandbox staging" {
		t.Errorf("environments: %s", got)
	}
}

func TestGeneratedSchema(t *testing.T) {
	want := environment.Schema()
	at := filepath.Join(project, environment.SchemaFile)
	if renewing() {
		if err := os.WriteFile(at, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; %s", environment.SchemaFile, renew)
	}
}

func TestGeneratedReference(t *testing.T) {
	table, err := environment.Reference()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(project, environment.Folder, "README.md")
	data, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- keys: begin -->\n", "<!-- keys: end -->"
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of the table", at)
	}
	want := before + begin + table + end + after
	if renewing() {
		if err := os.WriteFile(at, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Errorf("the table in %s is out of date; %s", at, renew)
	}
}

// Every file points editors to the schema, so that they complete its keys.
func TestShippedFilesNameTheSchema(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(project, environment.Folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no environments: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), "# yaml-language-server: $schema=schema.json\n") {
			t.Errorf("%s: the first line does not name the schema", f)
		}
	}
}
