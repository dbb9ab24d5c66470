package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// The code has a sensitive value in a resource, in an output and in the error
// of a condition, where Terraform must be kept from showing it.
const sentinelCode = `
variable "planted" {
  type      = string
  default   = %q
  sensitive = true
}
resource "terraform_data" "password" {
  input = var.planted
}
resource "terraform_data" "fails" {
  input = 1
  lifecycle {
    precondition {
      condition     = !contains(keys(var.tags), "fail") || nonsensitive(length(var.planted)) == 0
      error_message = "the condition of the test"
    }
  }
}
output "password" {
  value     = terraform_data.password.output
  sensitive = true
}
`

// caller is infra as somebody calls it whose environment is full of secrets
// and of settings that would change what Terraform does.
func (c *cloud) caller(t *testing.T, l *leaks, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	cmd := c.command(ctx, args...)
	cmd.Env = append(cmd.Env, callersOwn,
		"AWS_SECRET_ACCESS_KEY="+l.secrets["the caller's key"], "AWS_SESSION_TOKEN="+l.secrets["the caller's session"],
		"DATABASE_PASSWORD="+l.secrets["a variable of the caller"],
		"TF_VAR_planted="+l.secrets["a Terraform variable of the caller"], "TF_VAR_environment=other",
		"TF_CLI_ARGS=-no-such-flag", "TF_CLI_ARGS_plan=-destroy", "TF_WORKSPACE=other", "TF_LOG=TRACE",
		"ANSIBLE_STRATEGY=debug", "PYTHONPATH=/nowhere")
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	if got := exitCode(t, cmd.Run()); got != code {
		t.Fatalf("infra %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, errw.String())
	}
	l.look("standard output of "+args[0], out.Bytes())
	l.look("standard error of "+args[0], errw.Bytes())
	return out.String(), errw.String()
}

// TestRow58NoSecretLeaks plants secrets where people have them and searches
// every artefact of whole runs, good and bad, for them: what is said, files
// and their names, objects in S3, arguments and environments of children.
// TestRow50 is in it: none of the caller's settings reaches Terraform.
func TestRow58Row50NoSecretLeaks(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	l := &leaks{project: c.project, secrets: map[string]string{}}
	for i, what := range []string{
		"the caller's key", "the caller's session", "a variable of the caller", "a Terraform variable of the caller", "a sensitive value of the code",
	} {
		l.secrets[what] = fmt.Sprintf("Sentinel%dq7Zk0vB3xW", i)
	}
	c.tiny(t, fmt.Sprintf(sentinelCode, l.secrets["a sensitive value of the code"]))

	watching, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { l.watch(watching) })

	c.caller(t, l, 2, planTiny("--verbose")...)
	c.caller(t, l, 0, applyTiny("--verbose")...)
	if state := string(c.object(t, baselineKey, "")); !strings.Contains(state, l.secrets["a sensitive value of the code"]) {
		t.Errorf("the value of the code is not in the state: nothing was tested\n%s", state)
	} else if strings.Contains(state, l.secrets["a Terraform variable of the caller"]) {
		t.Error("TF_VAR_planted has reached Terraform")
	}
	c.write(t, "terraform/products/baseline/more.tf", `resource "terraform_data" "more" { input = terraform_data.password.output }`)
	stdout, _ := c.caller(t, l, 2, planTiny("--out", "s3", "--output", "json")...)
	var planned struct{ Bundle struct{ Place string } }
	if err := json.Unmarshal([]byte(stdout), &planned); err != nil || planned.Bundle.Place == "" {
		t.Fatalf("no bundle: %v\n%s", err, stdout)
	}
	c.caller(t, l, 0, "apply", "cloud", "--plan", planned.Bundle.Place, "--auto-approve", "--verbose")
	c.write(t, "environments/cloud.yaml", "extends: sandbox\nendpoint: "+c.endpoint+"\ntags: {fail: \"yes\"}\n")
	c.caller(t, l, 1, applyTiny("--verbose")...)
	c.write(t, "environments/cloud.yaml", "extends: sandbox\nendpoint: "+c.endpoint+"\n")
	for _, args := range [][]string{
		{"output", "cloud"},
		{"runs", "cloud", "--output", "json"},
		{"state", "show", "cloud", "terraform_data.password"},
		{"state", "history", "cloud", "--product", "baseline"},
	} {
		c.caller(t, l, 0, args...)
	}
	c.caller(t, l, 0, "destroy", "cloud", "--product", "baseline", "--confirm", "cloud", "--verbose")

	stop()
	watcher.Wait()
	l.files(t)
	if n := l.objects(t, c.s3(t), c.bucket); n < 5 {
		t.Errorf("only %d objects of the ledger were searched", n)
	}
	if l.seen < 20 {
		t.Errorf("only %d processes were seen", l.seen)
	}
	l.report(t)
}
