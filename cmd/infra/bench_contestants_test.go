//go:build endtoend

package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/account"
	"infra/internal/bench"
	"infra/internal/environment"
	"infra/internal/terraform"
)

// contestant is one program that builds the platform in an emulator of its own.
type contestant struct {
	name     string
	cloud    *cloud
	original string // of the file that is changed

	apply, plan, output func(t *testing.T) bench.Sample
}

// contestants are infra, Terraform by hand, and Terragrunt where there is one.
func contestants(t *testing.T, r *bench.Report) []*contestant {
	t.Helper()
	all := []*contestant{infraItself(t), byHand(t)}
	path, err := exec.LookPath("terragrunt")
	if err != nil {
		r.Notes = append(r.Notes, "terragrunt is not on PATH: it was left out")
		return all
	}
	version, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	r.Tools["terragrunt"] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(version)), "terragrunt version"))
	return append(all, byTerragrunt(t, path))
}

// benchProducts are the products in their order.
func benchProducts() []string { return []string{"baseline", "pipeline"} }

// benchCloud is a cloud with a state bucket, and without hosts: an override
// keeps Ansible out of what is compared.
func benchCloud(t *testing.T) *cloud {
	t.Helper()
	c := newCloud(t)
	c.write(t, "terraform/products/pipeline/bench_override.tf", "output \"hosts\" {\n  value = []\n}\n")
	c.run(t, 0, "bootstrap", "cloud")
	return c
}

// measured runs a program and wants it to succeed.
func measured(t *testing.T, cmd *exec.Cmd) bench.Sample {
	t.Helper()
	s, err := bench.Run(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func infraItself(t *testing.T) *contestant {
	t.Helper()
	program, err := filepath.Abs("../../bin/infra")
	if err != nil {
		t.Fatal(err)
	}
	c := benchCloud(t)
	run := func(args ...string) func(t *testing.T) bench.Sample {
		return func(t *testing.T) bench.Sample {
			t.Helper()
			return measured(t, exec.CommandContext(t.Context(), program, append([]string{"-C", c.project}, args...)...))
		}
	}
	return &contestant{
		name: "infra", cloud: c, apply: run("apply", "cloud", "--auto-approve"), plan: run("plan", "cloud"), output: run("output", "cloud", "vpc"),
	}
}

// prepared writes for each product what infra would give Terraform: variables
// and backend. It returns the environment of the children.
func prepared(t *testing.T, c *cloud) (pairs map[string]string, folder func(product, file string) string) {
	t.Helper()
	c.run(t, 2, "plan", "cloud") // makes the key pair and the backends' files
	env, err := environment.Load(c.project, "cloud")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(c.project, ".infra", "ssh", "cloud", "*.pub"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("the key pair: %v, %v", keys, err)
	}
	key, err := os.ReadFile(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	folder = func(product, file string) string { return filepath.Join(c.project, ".peer", product, file) }
	for _, product := range benchProducts() {
		variables, err := env.TerraformVariables(product, environment.Inputs{SSHPublicKey: strings.TrimSpace(string(key))})
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, ".peer/"+product+"/variables.tfvars.json", string(variables))
		backend, err := os.ReadFile(filepath.Join(c.project, ".infra", "data", "cloud", product, "infra-backend.hcl"))
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, ".peer/"+product+"/backend.hcl", string(backend))
	}
	pairs = maps.Clone(account.Environment(account.TargetOf(env)))
	pairs["TF_CLI_CONFIG_FILE"], err = terraform.CLIConfig(filepath.Join(c.project, ".infra", "terraform.rc"))
	if err != nil {
		t.Fatal(err)
	}
	return pairs, folder
}

// byHand is what somebody types who has Terraform alone: init once, plan to a
// file, apply that.
func byHand(t *testing.T) *contestant {
	t.Helper()
	c := benchCloud(t)
	env, folder := prepared(t, c)
	program, err := terraform.Find(t.Context(), c.project)
	if err != nil {
		t.Fatal(err)
	}
	each := func(t *testing.T, steps func(product string) [][]string) (all bench.Sample) {
		t.Helper()
		for _, product := range benchProducts() {
			for _, args := range steps(product) {
				cmd := exec.CommandContext(t.Context(), program, args...)
				cmd.Dir = filepath.Join(c.project, "terraform", "products", product)
				cmd.Env = append(account.Pairs(env), "TF_DATA_DIR="+folder(product, "data"))
				all = all.Add(measured(t, cmd))
			}
		}
		return all
	}
	planned := func(product string, more ...string) []string {
		return append([]string{"plan", "-input=false", fmt.Sprintf("-parallelism=%d", peerParallelism), "-var-file=" + folder(product, "variables.tfvars.json")}, more...)
	}
	cold := true
	return &contestant{
		name: "terraform", cloud: c,
		apply: func(t *testing.T) bench.Sample {
			t.Helper()
			first := cold
			cold = false
			return each(t, func(product string) [][]string {
				file := folder(product, "plan")
				steps := [][]string{planned(product, "-out="+file), {"apply", "-input=false", fmt.Sprintf("-parallelism=%d", peerParallelism), file}}
				if first {
					return append([][]string{{"init", "-input=false", "-backend-config=" + folder(product, "backend.hcl")}}, steps...)
				}
				return steps
			})
		},
		plan: func(t *testing.T) bench.Sample {
			t.Helper()
			return each(t, func(product string) [][]string { return [][]string{planned(product)} })
		},
		output: func(t *testing.T) bench.Sample {
			t.Helper()
			return each(t, func(product string) [][]string {
				if product != "pipeline" {
					return nil
				}
				return [][]string{{"output", "-json", "vpc"}}
			})
		},
	}
}

// peerParallelism is infra's own, for all.
const peerParallelism = 30

// byTerragrunt has a unit for each product, the second depending on the first.
// The code is used where it is: nothing is copied.
func byTerragrunt(t *testing.T, program string) *contestant {
	t.Helper()
	c := benchCloud(t)
	env, folder := prepared(t, c)
	tool, err := terraform.Find(t.Context(), c.project)
	if err != nil {
		t.Fatal(err)
	}
	for i, product := range benchProducts() {
		unit := fmt.Sprintf(`terraform {
  extra_arguments "init" {
    commands  = ["init"]
    arguments = ["-backend-config=%s"]
  }
  extra_arguments "variables" {
    commands  = ["plan", "apply"]
    arguments = ["-var-file=%s", "-parallelism=%d"]
  }
}
`, folder(product, "backend.hcl"), folder(product, "variables.tfvars.json"), peerParallelism)
		if i > 0 {
			unit += "dependencies {\n  paths = [\"../" + benchProducts()[i-1] + "\"]\n}\n"
		}
		c.write(t, "terraform/products/"+product+"/terragrunt.hcl", unit)
	}
	env["TG_TF_PATH"], env["TG_NON_INTERACTIVE"] = tool, "true"
	run := func(dir string, args ...string) func(t *testing.T) bench.Sample {
		return func(t *testing.T) bench.Sample {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Dir, cmd.Env = filepath.Join(c.project, "terraform", "products", dir), account.Pairs(env)
			return measured(t, cmd)
		}
	}
	return &contestant{
		name: "terragrunt", cloud: c,
		apply: run("", "run", "--all", "apply"), plan: run("", "run", "--all", "plan"), output: run("pipeline", "output", "-json", "vpc"),
	}
}
