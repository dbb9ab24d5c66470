//go:build endtoend

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/terraform"
)

const (
	benchFleet    = 8 // environments
	benchParallel = 2 // stacks at once, on both sides
)

// benchLayers are what one needs of the other.
func benchLayers() []string { return []string{"vpc", "emr", "zookeeper", "postgresql"} }

// benchLayer is a layer with a provider, and little of its own: what is
// measured is what each way of planning adds to Terraform.
const benchLayer = `terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "environment" { type = string }
variable "needs" { type = string }

resource "aws_ssm_parameter" "this" {
  name  = "/${var.environment}/%[1]s"
  type  = "String"
  value = "needs ${var.needs}"
}

output "name" { value = aws_ssm_parameter.this.name }
`

// TestBenchFleet plans the same modules in the same environments with infra,
// which has one state a stack, and with terragrunt, which has one a layer.
func TestBenchFleet(t *testing.T) {
	if os.Getenv("INFRA_BENCH") == "" {
		t.Skip("measured by `make bench` only")
	}
	var names []string
	for i := range benchFleet {
		names = append(names, fmt.Sprintf("c%02d", i+1))
	}
	c := newCustomers(t, names...)
	code := "provider \"aws\" {}\n"
	needs := `"nothing"`
	for _, layer := range benchLayers() {
		c.write(t, "terraform/bench/"+layer+"/main.tf", fmt.Sprintf(benchLayer, layer))
		code += fmt.Sprintf("module %q {\n  source      = \"../../bench/%s\"\n  environment = var.environment\n  needs       = %s\n}\n", layer, layer, needs)
		needs = "module." + layer + ".name"
	}
	c.tiny(t, code)
	infra := c.benchmark(t, c.command(t.Context(), "fleet", "plan", "--env", "customers/*", "--product", "baseline", "--parallel", fmt.Sprint(benchParallel)), 2)
	t.Logf("infra fleet plan of %d environments of %d layers, %d at once: %s", benchFleet, len(benchLayers()), benchParallel, infra)
	program, err := exec.LookPath("terragrunt")
	if err != nil {
		t.Log("terragrunt is not on PATH: there is nothing to compare with")
		return
	}
	c.terragrunt(t)
	env, err := environment.Load(c.project, "c01")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "--all", "plan", "--non-interactive", "--parallelism", fmt.Sprint(benchParallel))
	cmd.Dir = filepath.Join(c.project, "terragrunt")
	tool, err := terraform.Find(t.Context(), c.project)
	if err != nil {
		t.Fatal(err)
	}
	mirror, err := terraform.CLIConfig(filepath.Join(c.project, ".infra", "terraform.rc"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(account.Pairs(account.Environment(account.TargetOf(env))),
		"HOME="+os.Getenv("HOME"), "PATH="+os.Getenv("PATH"), "TG_TF_PATH="+tool, "TF_CLI_CONFIG_FILE="+mirror)
	theirs := c.benchmark(t, cmd, 0)
	t.Logf("terragrunt run --all plan of the same: %s; infra takes 1/%.1f of the time and 1/%.1f of the CPU", theirs, ratio(theirs.wall, infra.wall), ratio(theirs.cpu, infra.cpu))
}

// effort is what a command took, with all that it has started.
type effort struct{ wall, cpu time.Duration }

func (e effort) String() string {
	return fmt.Sprintf("%.1f s, %.1f s of CPU", e.wall.Seconds(), e.cpu.Seconds())
}

func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

func (c *customers) benchmark(t *testing.T, cmd *exec.Cmd, code int) effort {
	t.Helper()
	began, cpu := time.Now(), childrenCPU(t)
	out, err := cmd.CombinedOutput()
	if got := exitCode(t, err); got != code {
		t.Fatalf("%v: exit %d\n%s", cmd.Args, got, out)
	}
	return effort{time.Since(began), childrenCPU(t) - cpu}
}

// terragrunt writes the same environments as terragrunt has them: a unit a
// layer, each with its own state, the outputs of the one before mocked until it
// was applied.
func (c *customers) terragrunt(t *testing.T) {
	t.Helper()
	for _, name := range c.names {
		before := ""
		for _, layer := range benchLayers() {
			unit := fmt.Sprintf("terraform {\n  source = %q\n}\n", filepath.Join(c.project, "terraform", "bench", layer))
			unit += "generate \"provider\" {\n  path      = \"provider.tf\"\n  if_exists = \"overwrite\"\n  contents  = \"provider \\\"aws\\\" {}\\n\"\n}\n"
			needs := `"nothing"`
			if before != "" {
				unit += fmt.Sprintf("dependency \"needs\" {\n  config_path  = \"../%s\"\n  mock_outputs = { name = \"/%s/%s\" }\n}\n", before, name, before)
				needs = "dependency.needs.outputs.name"
			}
			unit += fmt.Sprintf("inputs = {\n  environment = %q\n  needs       = %s\n}\n", name, needs)
			c.write(t, strings.Join([]string{"terragrunt", name, layer, "terragrunt.hcl"}, "/"), unit)
			before = layer
		}
	}
}
