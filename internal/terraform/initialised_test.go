package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an init depends on makes it necessary again, and nothing else does.
func TestWhatNeedsAnInit(t *testing.T) {
	t.Parallel()
	const before = `terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" { region = "eu-west-1" }
variable "size" { type = number }
resource "aws_vpc" "one" { cidr_block = "10.0.0.0/16" }
module "vpc" {
  source = "../../layers/vpc"
  size   = var.size
}
output "id" { value = aws_vpc.one.id }
`
	for name, c := range map[string]struct {
		from, to string
		again    bool
	}{
		"a value":                {"10.0.0.0/16", "10.1.0.0/16", false},
		"a comment":              {"output", "# why\noutput", false},
		"another output":         {"output", "output \"two\" { value = 2 }\noutput", false},
		"another resource":       {"resource", "resource \"aws_subnet\" \"one\" {}\nresource", false},
		"a module's variable":    {"var.size", "2", false},
		"a provider's version":   {`"hashicorp/aws"`, `"hashicorp/aws", version = "~> 5.0"`, true},
		"another provider":       {"resource", "resource \"random_id\" \"one\" {}\nresource", true},
		"a resource's provider":  {`"10.0.0.0/16" }`, "\"10.0.0.0/16\"\n  provider = other.west\n}", true},
		"a provider's settings":  {"eu-west-1", "eu-west-2", true},
		"a module's source":      {"layers/vpc", "layers/emr", true},
		"another module":         {"module", "module \"two\" { source = \"../../layers/vpc\" }\nmodule", true},
		"a block nobody knows":   {"output", "novelty \"x\" {}\noutput", true},
		"a line that is no code": {"output", "output {{\noutput", true},
		"a backend":              {"terraform {", "terraform {\n  backend \"s3\" {}", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Workspace{Root: filepath.Join(t.TempDir(), "products", "test")}
			digest := func(text string) string {
				if err := os.MkdirAll(w.Root, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(w.Root, "main.tf"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				sum, err := w.initDigest()
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			after := strings.Replace(before, c.from, c.to, 1)
			if after == before {
				t.Fatalf("%q is not in the code", c.from)
			}
			if again := digest(before) != digest(after); again != c.again {
				t.Errorf("an init is needed again: %v, want %v", again, c.again)
			}
		})
	}
}

// With the real Terraform: a changed line is planned without another init, a
// new module is installed by one.
func TestAChangedLineNeedsNoInit(t *testing.T) {
	w := workspace(t, `{"size": 1}`)
	inits := func() int {
		data, err := os.ReadFile(w.file("init.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(data), `"terraform":"`+Version)
	}
	first := plan(t, w)
	once := inits()
	change := func(text string) {
		if err := os.WriteFile(filepath.Join(w.Root, "more.tf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change("resource \"terraform_data\" \"more\" {}\n")
	if p := plan(t, w); len(p.Changes) <= len(first.Changes) || inits() != once {
		t.Errorf("%d changes after %d, %d inits after %d", len(p.Changes), len(first.Changes), inits(), once)
	}
	inner := filepath.Join(filepath.Dir(filepath.Dir(w.Root)), "layers", "inner")
	if err := os.MkdirAll(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inner, "main.tf"), []byte("resource \"terraform_data\" \"inner\" {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change("module \"inner\" {\n  source = \"../../layers/inner\"\n}\n")
	if p := plan(t, w); len(p.Changes) <= len(first.Changes) || inits() == once {
		t.Errorf("%d changes after %d, %d inits after %d", len(p.Changes), len(first.Changes), inits(), once)
	}
}
