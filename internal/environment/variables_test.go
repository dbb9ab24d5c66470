package environment_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"infra/internal/environment"
)

func variables(t *testing.T, name, product string, in environment.Inputs) map[string]any {
	t.Helper()
	e, err := environment.Load(project, name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.TerraformVariables(product, in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTerraformVariables(t *testing.T) {
	sandbox := variables(t, "sandbox", "pipeline", environment.Inputs{SSHPublicKey: "ssh-ed25519 AAAA"})
	for key, want := range map[string]any{
		"environment":    "sandbox",
		"account_id":     "123456789012",
		"emulated":       true,
		"ssh_public_key": "ssh-ed25519 AAAA",
		"ssh_user":       "admin",
		"state_bucket":   "infra-state-123456789012-eu-west-1",
		"state_region":   "eu-west-1",
		"tags":           map[string]any{"team": "data-platform", "stage": "sandbox"},
	} {
		if !reflect.DeepEqual(sandbox[key], want) {
			t.Errorf("%s: %v, want %v", key, sandbox[key], want)
		}
	}
	vpc, ok := sandbox["vpc"].(map[string]any)
	if !ok || vpc["zone_name"] != "sandbox.internal" || vpc["cidr"] != "10.50.0.0/16" {
		t.Errorf("vpc: %v", sandbox["vpc"])
	}
	prod := variables(t, "prod", "pipeline", environment.Inputs{})
	if pair, ok := prod["ssh_public_key"].(string); !ok || !strings.HasPrefix(pair, "ssh-ed25519 AAAA") {
		t.Errorf("the first key is not the EC2 key pair: %v", prod["ssh_public_key"])
	}
	baseline, ok := variables(t, "sandbox", "baseline", environment.Inputs{})["baseline"].(map[string]any)
	if ci, there := baseline["ci"]; !ok || !there || ci != nil {
		t.Errorf("baseline: %v: ci must be there and null", baseline)
	}
	if emails, ok := baseline["alert_emails"].([]any); !ok || len(emails) != 0 {
		t.Errorf("baseline: %v: alert_emails must be an empty list", baseline)
	}
	for colours, want := range map[string]environment.Colours{
		"blue of [blue]":        {},
		"green of [blue green]": {Active: "green", Clusters: []string{"blue", "green"}},
	} {
		emr, ok := variables(t, "sandbox", "pipeline", environment.Inputs{Colours: want})["emr"].(map[string]any)
		if _, told := emr["allow_unsupported"]; !ok || told || fmt.Sprintf("%v of %v", emr["active"], emr["clusters"]) != colours {
			t.Errorf("emr: %v, want %s", emr, colours)
		}
	}
	e, err := environment.Load(project, "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.TerraformVariables("nothing", environment.Inputs{}); err == nil {
		t.Error("an unknown product is no error")
	}
}

// Terraform ignores a value without a variable only with a warning and stops
// at a variable without a value: both lists must be the same.
func TestProductsDeclareTheVariables(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^variable "([a-z_]+)" {`)
	for _, product := range []string{"baseline", "pipeline"} {
		at := filepath.Join(project, "terraform/products", product, "variables.tf")
		text, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			want = append(want, m[1])
		}
		slices.Sort(want)
		got := slices.Sorted(maps.Keys(variables(t, "sandbox", product, environment.Inputs{})))
		if !slices.Equal(got, want) {
			t.Errorf("%s declares %v\ngiven are %v", at, want, got)
		}
		checkAttributes(t, at, string(text), variables(t, "sandbox", product, environment.Inputs{}))
	}
}

// checkAttributes compares the keys of each object with the attributes that
// the product's variables name at the start of a line.
func checkAttributes(t *testing.T, at, text string, given map[string]any) {
	t.Helper()
	attribute := regexp.MustCompile(`(?m)^\s{4,}([a-z_]+)\s+=\s+(?:string|number|bool|list|map|object|optional)`)
	for name, value := range given {
		object, ok := value.(map[string]any)
		if !ok || name == "tags" {
			continue
		}
		_, block, _ := strings.Cut(text, `variable "`+name+`" {`)
		block, _, _ = strings.Cut(block, "\n}\n")
		var want []string
		for _, m := range attribute.FindAllStringSubmatch(block, -1) {
			want = append(want, m[1])
		}
		got := slices.Collect(maps.Keys(object))
		for key, inner := range object {
			if nested, ok := inner.(map[string]any); ok {
				got = append(got, slices.Collect(maps.Keys(nested))...)
			}
			if key == "ci" {
				got = append(got, "provider", "repository", "branch")
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s, variable %s: declared %v\ngiven %v", at, name, want, got)
		}
	}
}
