package internal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A role's public variables are its argument spec: what has a default is
// described there, and what has none is required.
func TestRolesSpecifyTheirArguments(t *testing.T) {
	t.Parallel()
	roles, err := filepath.Glob("../ansible/roles/*")
	if err != nil || len(roles) == 0 {
		t.Fatalf("no roles found: %v", err)
	}
	for _, role := range roles {
		name := filepath.Base(role)
		var defaults map[string]any
		readYAML(t, filepath.Join(role, "defaults", "main.yml"), &defaults)
		var specs struct {
			ArgumentSpecs map[string]struct {
				Options map[string]struct {
					Required    bool `yaml:"required"`
					Description any  `yaml:"description"`
				} `yaml:"options"`
			} `yaml:"argument_specs"`
		}
		readYAML(t, filepath.Join(role, "meta", "argument_specs.yml"), &specs)
		options := specs.ArgumentSpecs["main"].Options
		for key := range defaults {
			if _, specified := options[key]; !specified {
				t.Errorf("role %s: %s has a default and is no option of the argument spec", name, key)
			}
		}
		for key, option := range options {
			_, defaulted := defaults[key]
			if !option.Required && !defaulted && ownVariable(name, key) {
				t.Errorf("role %s: %s is neither required nor has it a default", name, key)
			}
			if option.Description == nil {
				t.Errorf("role %s: %s has no description", name, key)
			}
		}
	}
}

// ownVariable tells a role's variables from those that the inventory gives to
// every role, such as infra_volumes.
func ownVariable(role, key string) bool { return strings.HasPrefix(key, role+"_") }

func TestTerraformModulesHaveTheirFourFiles(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"layers", "products"} {
		modules, err := filepath.Glob("../terraform/" + kind + "/*")
		if err != nil || len(modules) == 0 {
			t.Fatalf("no %s found: %v", kind, err)
		}
		for _, module := range modules {
			entries, err := os.ReadDir(module)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"main.tf", "variables.tf", "outputs.tf", "versions.tf"} {
				if !slices.ContainsFunc(entries, func(entry os.DirEntry) bool { return entry.Name() == want }) {
					t.Errorf("%s has no %s", module, want)
				}
			}
		}
	}
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}
