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

func TestArtifact(t *testing.T) {
	t.Parallel()
	const manifest = `{"builds":[{"name":"hosts","builder_type":"amazon-ebs","artifact_id":"eu-west-1:ami-0123456789abcdef0"}],"last_run_uuid":"5"}`
	if id, err := artifact([]byte(manifest)); id != "ami-0123456789abcdef0" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	for _, manifest := range []string{"", `{"builds":[]}`, `{"builds":[{"artifact_id":"eu-west-1"}]}`} {
		if id, err := artifact([]byte(manifest)); err == nil {
			t.Errorf("an image of %q: %q", manifest, id)
		}
	}
}

func TestComplaint(t *testing.T) {
	t.Parallel()
	const said = "==> Some builds didn't complete successfully and had errors:\n--> amazon-ebs.hosts: Error creating AMI: NotImplemented: the emulator lacks CreateImage:\n\tstatus code: 501\n\n==> Builds finished but no artifacts were created.\n"
	if why := complaint(said); why != "Error creating AMI: NotImplemented: the emulator lacks CreateImage: status code: 501" {
		t.Errorf("%q", why)
	}
	if why := complaint("Packer has not begun\n"); why != "" {
		t.Errorf("%q", why)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	const said = "amazon github.com/hashicorp/amazon \"~> 1.3\" /p/packer-plugin-amazon_v1.3.2_x5.0_linux_amd64\nansible github.com/hashicorp/ansible \"~> 1.1\"\n"
	if got := missing(said); !slices.Equal(got, []string{"github.com/hashicorp/ansible ~> 1.1"}) {
		t.Errorf("missing are %q", got)
	}
}

func TestWithoutPacker(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Build{Dir: t.TempDir()}.Run(t.Context(), Variables{})
	if err == nil || !strings.Contains(fault.HintOf(err), "leave out --packer") {
		t.Errorf("%v", err)
	}
}
