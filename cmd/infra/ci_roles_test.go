package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/ci"
)

// pipelineAsRoles plans as a pipeline does with the role for plans, which is
// enough and does nothing else; lets that role forge what was approved, which is
// refused; and applies with the other one.
func pipelineAsRoles(t *testing.T, c *cloud) {
	c.git(t, "init", "--quiet", "--initial-branch=main")
	root := filepath.Join(c.project, "terraform", "products", "pipeline")
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/pipeline/main.tf", fmt.Sprintf(networkRoot, "vpc-0123456789abcdef0"))
	c.assume(t, "plan", "")
	c.commit(t, "first")
	c.assume(t, "plan", "    log_retention_days: 400\n")
	c.commit(t, "for longer")
	before := c.changesOf(t, 0).last
	stdout, _ := c.run(t, 2, "ci", "plan", "--env", "cloud", "--base", "HEAD^", "--output", "json")
	wantText(t, stdout, `"place": "s3://`, `"action": "update"`)
	c.onlyPlanned(t, before)

	c.assume(t, "apply", "    log_retention_days: 400\n")
	c.commit(t, "by the other role")
	stdout, _ = c.run(t, 2, "ci", "plan", "--env", "cloud", "--base", "HEAD^", "--output", "json")
	var plan ci.Plan
	if err := json.Unmarshal([]byte(stdout), &plan); err != nil || len(plan.Environments) != 1 || plan.Environments[0].Plan.Bundle == nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	evil := filepath.Join(t.TempDir(), "evil.bundle")
	c.assume(t, "plan", "    log_retention_days: 545\n")
	c.run(t, 2, "plan", "cloud", "--product", "baseline", "--out", evil)
	c.git(t, "checkout", "--quiet", "--", ".")
	config := c.config(t)
	config.Credentials = c.session(t, "plan")
	planner := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	place := forge(t, c, "cloud", planner, plan.Environments[0].Plan.Bundle.Place, evil)
	stdout, stderr := c.run(t, 3, "ci", "apply", "--env", "cloud", "--base", "HEAD^", "--output", "json")
	wantText(t, stdout, place)
	wantText(t, stderr, "they would not do the same", "baseline/cloud: aws_cloudwatch_log_group.", "would update with other values than were approved", "infra ci plan --env cloud")

	c.run(t, 2, "ci", "plan", "--env", "cloud", "--base", "HEAD^")
	c.run(t, 0, "ci", "apply", "--env", "cloud", "--base", "HEAD^")
}
