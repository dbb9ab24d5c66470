package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/bundle"
	"infra/internal/ci"
)

// pipelineAsRoles plans as a pipeline does with the role for plans, which is
// enough and does nothing else; lets that role forge what was approved, which is
// refused; and applies with the other one, which is enough too.
func pipelineAsRoles(t *testing.T, c *cloud) {
	c.git(t, "init", "--quiet", "--initial-branch=main")
	root := filepath.Join(c.project, "terraform", "products", "pipeline")
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/pipeline/main.tf", fmt.Sprintf(networkRoot, "vpc-0123456789abcdef0"))
	const approved, evil = "    alert_emails: [ops@example.com]\n    log_retention_days: 400\n", "    log_retention_days: 545\n"
	c.commit(t, "first")
	c.assume(t, "plan", evil)
	c.commit(t, "for longer")
	before := c.changesOf(t, 0).last
	other := c.plannedBundle(t)
	c.onlyPlanned(t, before)

	c.assume(t, "apply", approved)
	c.commit(t, "by the other role")
	honest := c.plannedBundle(t)
	config := c.config(t)
	config.Credentials = c.session(t, "plan")
	planner := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	bucket, key, _ := bundle.ParseURL(other)
	with := filepath.Join(t.TempDir(), "evil.bundle")
	if err := (bundle.Place{Bucket: bucket, Account: cloudAccount, Key: key}).Get(t.Context(), planner, with); err != nil {
		t.Fatal(err)
	}
	forged := forge(t, c, "cloud", planner, honest, with)
	stdout, stderr := c.run(t, 3, "ci", "apply", "--env", "cloud", "--base", "HEAD^", "--output", "json")
	wantText(t, stdout, forged)
	wantText(t, stderr, "they would not do the same", "baseline/cloud: aws_", "would update with other values than were approved", "infra ci plan --env cloud")

	c.plannedBundle(t)
	c.run(t, 0, "ci", "apply", "--env", "cloud", "--base", "HEAD^")
}

// plannedBundle plans as a pipeline does: where the plan is kept.
func (c *cloud) plannedBundle(t *testing.T) string {
	t.Helper()
	stdout, _ := c.run(t, 2, "ci", "plan", "--env", "cloud", "--base", "HEAD^", "--output", "json")
	var plan ci.Plan
	if err := json.Unmarshal([]byte(stdout), &plan); err != nil || len(plan.Environments) != 1 || plan.Environments[0].Plan.Bundle == nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	return plan.Environments[0].Plan.Bundle.Place
}
