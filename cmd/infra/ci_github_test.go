package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// tinyPlatform is tinyRoot for the product with hosts, of one layer.
const tinyPlatform = `terraform {
  backend "s3" {}
}

variable "environment" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }
variable "emulated" { type = bool }
variable "role" { type = any }
variable "state_bucket" { type = string }
variable "recovery" { type = any }
variable "rebuilt_from" { type = any }
variable "state_region" { type = string }
variable "ssh_public_key" { type = string }
variable "ssh_user" { type = string }
variable "image" { type = any }
variable "vpc" { type = any }
variable "zookeeper" { type = any }
variable "postgresql" { type = any }
variable "emr" { type = any }

module "vpc" {
  source = "../../layers/vpc"
  tags   = var.tags
}

output "hosts" { value = [] }
output "group_vars" { value = {} }
`

const tinyLayer = `variable "tags" { type = map(string) }

resource "terraform_data" "net" {
  input = { tags = var.tags, made = "first" }
}
`

// pipeline plays GitHub: it runs the commands of a workflow's steps, as they
// stand there, in a checkout.
type pipeline struct {
	c    *cloud
	temp string   // RUNNER_TEMP
	env  []string // of the event
	jobs map[string]struct {
		Steps []struct {
			Name string
			Run  string
			Env  map[string]string
		}
	}
	output map[string]string // of the job `affected`
}

// makefile has a `make build` that makes the program that is tested.
func makefile(self string) string {
	return "build:\n\tmkdir -p bin\n\tprintf '#!/bin/sh\\nINFRA_TEST_MAIN=1 exec " + self + " \"$$@\"\\n' > bin/infra\n\tchmod 755 bin/infra\n"
}

// newPipeline makes a repository with a remote and three environments that
// were applied by hand, and the workflow that infra writes.
func newPipeline(t *testing.T, more ...func(c *cloud)) *pipeline {
	t.Helper()
	c := newCloud(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{c: c, temp: t.TempDir(), output: map[string]string{}}
	c.tiny(t, oneThing)
	for _, dir := range []string{"products/pipeline", "layers/vpc"} {
		if err := os.RemoveAll(filepath.Join(c.project, "terraform", filepath.FromSlash(dir))); err != nil {
			t.Fatal(err)
		}
	}
	c.write(t, "terraform/products/pipeline/main.tf", tinyPlatform)
	c.write(t, "terraform/layers/vpc/main.tf", tinyLayer)
	for _, change := range more {
		change(c)
	}
	for i, name := range []string{"east", "west"} {
		c.write(t, "environments/"+name+".yaml", fmt.Sprintf("extends: cloud\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.%d.0.0/16\n", 90+i))
	}
	c.write(t, "Makefile", makefile(self))
	c.write(t, ".gitignore", ".infra/\nbin/\n")
	c.git(t, "init", "--quiet", "--initial-branch=main")
	c.run(t, 0, "ci", "init", "github", "--emulated")
	c.run(t, 3, "ci", "init", "github") // none is replaced
	p.workflows(t)
	p.commit(t, "first")
	origin := filepath.Join(t.TempDir(), "origin.git")
	c.git(t, "init", "--quiet", "--bare", "--initial-branch=main", origin)
	c.git(t, "remote", "add", "origin", origin)
	c.git(t, "push", "--quiet", "--set-upstream", "origin", "main")
	c.git(t, "remote", "set-head", "origin", "main")
	for _, name := range []string{"east", "west"} {
		c.run(t, 0, "apply", name, "--auto-approve")
	}
	return p
}

// workflows reads the jobs that infra has written.
func (p *pipeline) workflows(t *testing.T) {
	t.Helper()
	for _, name := range []string{"infra.yml", "infra-drift.yml"} {
		text, err := os.ReadFile(filepath.Join(p.c.project, ".github", "workflows", name))
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct{ Jobs any }
		if err := yaml.Unmarshal(text, &workflow); err != nil {
			t.Fatal(err)
		}
		jobs, err := yaml.Marshal(workflow.Jobs)
		if err != nil || yaml.Unmarshal(jobs, &p.jobs) != nil {
			t.Fatalf("%v\n%s", err, jobs)
		}
	}
}

func (p *pipeline) commit(t *testing.T, message string) {
	t.Helper()
	p.c.git(t, "add", "--all")
	p.c.git(t, "commit", "--quiet", "--message", message)
}

// head is the commit that a name stands for.
func (p *pipeline) head(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", p.c.project, "rev-parse", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// pullRequest and push make the event of the jobs that follow.
func (p *pipeline) pullRequest(t *testing.T) {
	t.Helper()
	p.event(t, "{}", "GITHUB_BASE_REF=main")
}

func (p *pipeline) push(t *testing.T, before string) {
	t.Helper()
	p.event(t, `{"before":"`+before+`"}`, "GITHUB_BASE_REF=")
}

func (p *pipeline) event(t *testing.T, event string, more ...string) {
	t.Helper()
	p.temp = t.TempDir()
	path := filepath.Join(p.temp, "event.json")
	if err := os.WriteFile(path, []byte(event), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append([]string{
		"GITHUB_ACTIONS=true", "GITHUB_EVENT_PATH=" + path, "RUNNER_TEMP=" + p.temp,
		"GITHUB_OUTPUT=" + filepath.Join(p.temp, "output"), "GITHUB_STEP_SUMMARY=" + filepath.Join(p.temp, "summary"),
		"PATH=" + filepath.Join(p.temp, "bin") + ":" + os.Getenv("PATH"),
	}, more...)
}

// job runs the steps of a job in order; expressions are what GitHub would put
// in their place. The answer is the exit code of the step that failed, and
// what all have said.
func (p *pipeline) job(t *testing.T, name string, expressions map[string]string) (code int, said string) {
	t.Helper()
	if len(p.jobs[name].Steps) == 0 {
		t.Fatalf("there is no job %s", name)
	}
	for _, step := range p.jobs[name].Steps {
		if step.Run == "" {
			continue // an action of others
		}
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Dir = p.c.project
		cmd.Env = append(os.Environ(), p.env...)
		for variable, value := range step.Env {
			if inner, is := strings.CutPrefix(value, "${{ "); is {
				known, ok := expressions[strings.TrimSuffix(inner, " }}")]
				if !ok && !strings.HasPrefix(inner, "secrets.") { // one that is not set is empty
					t.Fatalf("job %s, step %s: nobody knows %s", name, step.Name, value)
				}
				value = known
			}
			cmd.Env = append(cmd.Env, variable+"="+value)
		}
		out, err := cmd.CombinedOutput()
		said += string(out)
		if code = exitCode(t, err); code != 0 {
			return code, said
		}
	}
	return 0, said
}

// affected runs the job that finds the environments, and gives their names.
func (p *pipeline) affected(t *testing.T, pushed string) []string {
	t.Helper()
	if code, said := p.job(t, "affected", map[string]string{"github.event_name == 'push'": pushed}); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	data, err := os.ReadFile(filepath.Join(p.temp, "output"))
	if err != nil {
		t.Fatal(err)
	}
	p.output["environments"] = strings.TrimSpace(strings.TrimPrefix(string(data), "environments="))
	var rows []struct{ Environment, Region, PlanRole string }
	if err := json.Unmarshal([]byte(p.output["environments"]), &rows); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	var names []string
	for _, row := range rows {
		names = append(names, row.Environment)
	}
	return names
}

// read reads a file of the runner's folder.
func (p *pipeline) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.temp, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// comment runs the job that joins the plans and posts them, with a stand-in
// for gh that writes down what it is asked; found is the comment that it knows.
func (p *pipeline) comment(t *testing.T, found string) string {
	t.Helper()
	for _, dir := range []string{"bin", "plans/plan-east"} {
		if err := os.MkdirAll(filepath.Join(p.temp, filepath.FromSlash(dir)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"plan.json", "junit.xml"} {
		if err := os.WriteFile(filepath.Join(p.temp, "plans", "plan-east", name), []byte(p.read(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\necho \"$*\" >> \"$RUNNER_TEMP/gh\"\ncase \"$*\" in *--paginate*) echo '" + found + "';; esac\n"
	if err := os.WriteFile(filepath.Join(p.temp, "bin", "gh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	code, said := p.job(t, "comment", map[string]string{
		"needs.affected.outputs.environments": p.output["environments"], "github.token": "t", "github.repository": "o/r", "github.event.pull_request.number": "7",
	})
	if code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	return p.read(t, "gh")
}
