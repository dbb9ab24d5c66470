package packer

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"infra/internal/fault"
)

// template is the shipped one, as its language reads it.
func template(t *testing.T) *hcl.BodyContent {
	t.Helper()
	file, problems := hclparse.NewParser().ParseHCLFile(filepath.Join("..", "..", Template))
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	content, problems := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "packer"},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "source", LabelNames: []string{"type", "name"}},
		{Type: "build"},
	}})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return content
}

// Packer refuses a variable that the template does not declare, and asks for one
// that has no value.
func TestTemplateDeclaresTheVariables(t *testing.T) {
	t.Parallel()
	var declared, given []string
	for _, block := range template(t).Blocks.OfType("variable") {
		declared = append(declared, block.Labels[0])
	}
	kind := reflect.TypeFor[Variables]()
	for i := range kind.NumField() {
		given = append(given, kind.Field(i).Tag.Get("json"))
	}
	if !slices.Equal(declared, given) {
		t.Errorf("declared %v, given %v", declared, given)
	}
}

// What the template refers to exists: its variables, its source, the playbook.
func TestTemplateRefersToWhatExists(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, block := range template(t).Blocks {
		if block.Type == "variable" {
			declared["var."+block.Labels[0]] = true
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", Template))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz_.", r) }) {
		if strings.HasPrefix(word, "var.") && !declared[word] {
			t.Errorf("%s is not declared", word)
		}
	}
	if !strings.Contains(string(text), `"${var.ansible}/playbooks/image.yml"`) {
		t.Error("it runs another playbook than infra does")
	}
	if _, err := os.Stat("../../ansible/playbooks/image.yml"); err != nil {
		t.Error(err)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	want := [][]string{{"init", "/p/t.pkr.hcl"}, {"build", "-color=false", "-machine-readable", "-var-file=/r/v.json", "/p/t.pkr.hcl"}}
	if got := commands("/p/t.pkr.hcl", "/r/v.json"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestArtifact(t *testing.T) {
	t.Parallel()
	const said = "1700000000,,ui,say,Build finished\n1700000000,amazon-ebs.hosts,artifact-count,1\n" +
		"1700000000,amazon-ebs.hosts,artifact,0,id,eu-west-1:ami-0123456789abcdef0\n1700000000,amazon-ebs.hosts,artifact,0,files-count,0\n"
	if id, err := artifact(said); id != "ami-0123456789abcdef0" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if id, err := artifact("1700000000,,error-count,1\n"); err == nil {
		t.Errorf("an image of nothing: %q", id)
	}
}

func TestWithoutPacker(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Build(t.Context(), "", t.TempDir(), Variables{}, nil, os.Stderr)
	if err == nil || !strings.Contains(fault.HintOf(err), "leave out --packer") {
		t.Errorf("%v", err)
	}
}
