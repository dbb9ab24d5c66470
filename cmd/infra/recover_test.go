package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"infra/internal/report"
	"infra/internal/run"
	"infra/internal/sandbox/emulator"
)

// tiny is a product with some of everything that can be orphaned: with tags
// and without, known to AWS by an id or by a name. The topic comes last, and a
// fault makes its creation slow, so that there is a middle to be killed in.
const tiny = `
resource "aws_iam_role" "worker" {
  name               = "${local.name}-worker"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["a"])
  name     = "/${local.name}/${each.key}"
}

resource "aws_kms_key" "this" {
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}-tiny"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_sns_topic" "last" {
  name       = "${local.name}-last"
  depends_on = [aws_kms_alias.this, aws_cloudwatch_log_group.this, aws_iam_role.worker]
}
`

// shrink replaces the baseline's code by the tiny product. Its variables and
// its provider stay the shipped ones.
func (c *cloud) shrink(t *testing.T) {
	t.Helper()
	dir := filepath.Join(c.project, "terraform", "products", "baseline")
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch filepath.Base(file) {
		case "provider.tf", "versions.tf", "variables.tf":
		default:
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.write(t, "terraform/products/baseline/main.tf", "locals {\n  name = \"infra-${var.environment}\"\n}\n"+tiny)
}

// middle starts an apply and comes back when it waits for the last resource.
func (c *cloud) middle(t *testing.T) {
	t.Helper()
	if err := c.emulator.AddFaults(t.Context(), emulator.Fault{Service: "sns", Action: "CreateTopic", DelayMS: 15_000, Count: 1}); err != nil {
		t.Fatal(err)
	}
	cmd := c.command(t.Context(), "apply", "cloud", "--product", "baseline", "--auto-approve", "--verbose")
	var said transcript
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.Now().Add(cloudLimit)
	for !strings.Contains(said.String(), "create aws_sns_topic.last") {
		select {
		case err := <-ended:
			t.Fatalf("it ended before its middle: %v\n%s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not get to its middle:\n%s", said.String())
		}
	}
	// It is said before the request is on its way.
	c.faultsMet(t)
}

// faultsMet waits until every counted fault has met its requests.
func (c *cloud) faultsMet(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(cloudLimit)
	for {
		left, err := c.emulator.Faults(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s nothing has met %+v", cloudLimit, left)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// recovered is `infra recover`, as JSON.
func (c *cloud) recovered(t *testing.T) report.RecoveryDocument {
	t.Helper()
	out, stderr := c.run(t, 0, "recover", "cloud", "--auto-approve", "--output", "json")
	var doc report.RecoveryDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr)
	}
	return doc
}

// takeIn does what recover says about an orphan: one is imported, which takes
// a plan, the others are deleted.
func (c *cloud) takeIn(t *testing.T, o report.Orphan) {
	t.Helper()
	var err error
	switch o.Type {
	case "aws_cloudwatch_log_group":
		c.run(t, 0, append(shellWords(o.Import)[1:], "--auto-approve")...)
	case "aws_iam_role":
		_, err = iam.NewFromConfig(c.config(t)).DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &o.ID})
	case "aws_kms_alias":
		_, err = kms.NewFromConfig(c.config(t)).DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: &o.ID})
	case "aws_kms_key":
		_, err = kms.NewFromConfig(c.config(t)).ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &o.ID})
	}
	if err != nil {
		t.Errorf("%s: %v", o.Delete, err)
	}
}

// FAULTS 1 and 19: Terraform and everything with it is killed in the middle of
// an apply. The next run refuses, recover finds all that was made, and what it
// says to type brings the environment back.
func TestRow01Row19RecoverAfterTheKill(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.shrink(t)
	c.run(t, 0, "bootstrap", "cloud")
	c.middle(t)
	if c.kill(t, "") == 0 {
		t.Fatal("nothing was killed")
	}
	c.quiet(t)
	if err := c.emulator.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, verb := range [][]string{{"plan", "cloud", "--product", "baseline"}, {"apply", "cloud", "--product", "baseline", "--auto-approve"}, {"destroy", "cloud", "--confirm", "cloud"}} {
		_, stderr := c.run(t, 4, verb...)
		if !strings.Contains(stderr, "its outcome is unknown") || !strings.Contains(stderr, "next: infra recover cloud") {
			t.Errorf("%v:\n%s", verb, stderr)
		}
	}
	runs, err := c.store(t).Runs(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	open := slices.IndexFunc(runs, func(r run.Record) bool { return r.Result == run.Unknown })
	if open < 0 || runs[open].Verb != "apply" {
		t.Fatalf("no run with an unknown outcome: %+v", runs)
	}
	_, stderr := c.run(t, 3, "recover", "cloud")
	if !strings.Contains(stderr, "infra recover cloud --auto-approve") {
		t.Errorf("with nobody to ask:\n%s", stderr)
	}

	doc := c.recovered(t)
	if doc.Recovered != runs[open].Run || len(doc.Locks) != 1 {
		t.Errorf("recovered %q, removed the locks %v", doc.Recovered, doc.Locks)
	}
	want := []string{
		"aws_cloudwatch_log_group.this[\"a\"]", "aws_iam_role.worker", "aws_kms_alias.this", "aws_kms_key.this", "aws_sns_topic.last",
	}
	var got []string
	for _, o := range doc.Orphans {
		got = append(got, o.Address)
		if o.Delete == "" && !o.Uncertain {
			t.Errorf("no word on how to delete %s", o.Label())
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("orphans are\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	for _, o := range doc.Orphans {
		c.takeIn(t, o)
	}
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
	for _, pattern := range []string{"*.tfplan", "*.tfvars.json", "lease.json"} {
		left, err := filepath.Glob(filepath.Join(c.project, ".infra", "runs", "cloud", "*", pattern))
		if err != nil || len(left) > 0 {
			t.Errorf("with secrets in them there are still %v, %v", left, err)
		}
	}
	out, _ := c.run(t, 0, "runs", "cloud", doc.Recovered)
	if !strings.Contains(out, "recovered") || !strings.Contains(out, doc.Run) || !strings.Contains(out, ":role/infra-cloud-worker") {
		t.Errorf("the record of the recovered run:\n%s", out)
	}
	if _, stderr := c.run(t, 0, "recover", "cloud"); !strings.Contains(stderr, "nothing to do") {
		t.Errorf("a second time:\n%s", stderr)
	}
}

// FAULTS 2: infra alone is killed. Terraform stops cleanly under its
// supervisor, and recover has nothing to find.
func TestRow02RecoverAfterInfraAlone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.shrink(t)
	c.run(t, 0, "bootstrap", "cloud")
	c.middle(t)
	if c.kill(t, partInfra) != 1 {
		t.Fatal("infra was not killed")
	}
	_, stderr := c.run(t, 4, "apply", "cloud", "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "is held by run ") && !strings.Contains(stderr, "outcome is unknown") {
		t.Errorf("while Terraform comes to its end:\n%s", stderr)
	}
	c.quiet(t)
	_, stderr = c.run(t, 4, "apply", "cloud", "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "next: infra recover cloud") {
		t.Errorf("after it:\n%s", stderr)
	}
	doc := c.recovered(t)
	if len(doc.Locks) != 0 || !slices.Equal(doc.Refreshed, []string{"baseline/cloud"}) {
		t.Errorf("recovered %+v", doc)
	}
	for _, o := range doc.Orphans {
		// The one request that was on its way: Terraform gave it up, AWS did it.
		if o.Address != "aws_sns_topic.last" {
			t.Errorf("an orphan, although Terraform came to its end: %+v", o)
		}
	}
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
}

// FAULTS 1 and 19: Terraform is killed while it plans. It has changed nothing,
// so there is nothing to recover, and its lock must not keep the next run out.
func TestRow01Row19TerraformKilledWhilePlanning(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.shrink(t)
	c.run(t, 0, "bootstrap", "cloud")
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
	for _, verb := range [][]string{{"plan", "cloud", "--product", "baseline"}, {"apply", "cloud", "--product", "baseline", "--auto-approve"}} {
		if err := c.emulator.AddFaults(t.Context(), emulator.Fault{Service: "sns", Action: "GetTopicAttributes", DelayMS: 60_000, Count: 1}); err != nil {
			t.Fatal(err)
		}
		cmd := c.command(t.Context(), verb...)
		var said transcript
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(cloudLimit)
		for c.body(t, bucketKey+".tflock") == "" {
			if time.Now().After(deadline) {
				t.Fatalf("%v takes no lock:\n%s", verb, said.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
		if c.kill(t, partTerraform) != 1 {
			t.Fatalf("%v: Terraform was not killed", verb)
		}
		if code := exitCode(t, cmd.Wait()); code != 1 || !strings.Contains(said.String(), "nothing was changed") {
			t.Errorf("%v: exit code %d\n%s", verb, code, said.String())
		}
		if lock := c.body(t, bucketKey+".tflock"); lock != "" {
			t.Errorf("%v leaves the lock %s", verb, lock)
		}
		c.quiet(t)
		if err := c.emulator.ClearFaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.run(t, 0, verb...)
	}
}
