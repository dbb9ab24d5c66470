package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/drift"
	"infra/internal/parity"
	"infra/internal/report"
	"infra/internal/run"
)

// goneRoot stands for a pipeline whose only host is no more.
const goneRoot = `terraform {
  backend "s3" {}
}

output "hosts" {
  value = [{
    id = "i-0123456789abcdef0", name = "zookeeper-1", layer = "zookeeper", role = "server", number = 1,
    private_address = "10.78.32.20", public_address = "", zone = "eu-west-1a", volumes = {}
  }]
}
output "group_vars" { value = {} }
output "vpc" { value = { id = "vpc-0123456789abcdef0" } }
`

// TestDriftAndDiffOfSmallStacks is about what has nothing to do with AWS
// resources: another run that goes on, hosts out of reach, and environments
// against each other. Nothing of it changes anything.
func TestDriftAndDiffOfSmallStacks(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, "resource \"terraform_data\" \"a\" { input = var.baseline.log_retention_days }\n")
	c.run(t, 0, applyTiny()...)

	t.Run("the code wants another value", func(t *testing.T) {
		c.write(t, "environments/cloud.yaml", c.settings(t)+"  baseline: {log_retention_days: 400}\n")
		found := c.drift(t, 2)
		if len(found.Findings) != 2 || found.Findings[0].Kind != drift.Code || found.Findings[0].Address != "terraform_data.a" ||
			len(found.Findings[0].Attributes) == 0 || found.Findings[0].Attributes[0] != (drift.Attribute{Path: "input", Before: "365", After: "400"}) {
			t.Errorf("found %+v", found.Findings)
		}
	})
	t.Run("another run goes on", func(t *testing.T) {
		lease, err := c.store(t).Acquire(t.Context(), elsewhere("one"), run.Wait{})
		if err != nil {
			t.Fatal(err)
		}
		// The lease's own sign of life is a change, so it is not c.drift.
		if _, stderr := c.run(t, 4, "drift", "cloud"); !strings.Contains(stderr, "ada") {
			t.Errorf("it does not say who:\n%s", stderr)
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("hosts out of reach", func(t *testing.T) {
		root := filepath.Join(c.project, "terraform", "products", "pipeline")
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
		c.write(t, "terraform/products/pipeline/main.tf", goneRoot)
		c.run(t, 5, "apply", "cloud", "--product", "pipeline", "--auto-approve")
		found := c.drift(t, 5)
		if found.Error == nil || found.Error.Hint == "" || len(found.Findings) != 1 {
			t.Errorf("with hosts out of reach: %+v", found)
		}
		planWithoutHosts(t, c)
		if found := c.drift(t, 2, "--skip-hosts"); found.Error != nil || !found.SkippedHosts {
			t.Errorf("without the hosts: %+v", found)
		}
	})
	t.Run("diff", func(t *testing.T) { diffOfSmallStacks(t, c) })
}

// planWithoutHosts plans as a pipeline does: the plan stands, and the comment
// says why nobody has asked the hosts.
func planWithoutHosts(t *testing.T, c *cloud) {
	t.Helper()
	c.git(t, "init", "--quiet", "--initial-branch=main")
	c.commit(t, "all")
	comment := filepath.Join(t.TempDir(), "comment.md")
	for flag, why := range map[string]string{"--skip-hosts": "- cloud: --skip-hosts", "--skip-hosts=false": "- cloud: fetch the SSH host keys of zookeeper-1 (i-0123456789abcdef0): "} {
		before := c.changesOf(t, 0).last
		stdout, _ := c.run(t, 2, "ci", "plan", "--env", "cloud", "--base", "HEAD", "--comment", comment, "--output", "json", flag)
		wantText(t, stdout, `"hosts_unasked": "`, `"tasks": []`, `"zookeeper-1"`)
		c.onlyPlanned(t, before)
		text, err := os.ReadFile(comment)
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, string(text), "**Hosts were not asked**", why)
	}
	if err := os.RemoveAll(filepath.Join(c.project, ".git")); err != nil {
		t.Fatal(err)
	}
}

func diffOfSmallStacks(t *testing.T, c *cloud) {
	c.write(t, "environments/other.yaml", fmt.Sprintf("extends: cloud\nendpoint: %s\nproducts:\n  pipeline:\n    vpc: {cidr: 10.79.0.0/16}\n    zookeeper: {size: 5}\n", c.endpoint))
	doc := c.diff(t, 2)
	values := map[string]string{}
	for _, d := range doc.Found {
		if d.Own {
			continue
		}
		var parts []string
		for _, v := range d.Values {
			if v.Missing {
				v.Value = "none"
			}
			parts = append(parts, v.Value)
		}
		values[string(d.Section)+" "+d.Name] = strings.Join(parts, " ")
	}
	for name, want := range map[string]string{
		"setting products.pipeline.zookeeper.size": "3 5",
		"version terraform of baseline":            "1.11.4 none",
		"version terraform of pipeline":            "1.11.4 none",
		"run verb":                                 "apply none",
		"run result":                               "failed none",
	} {
		if values[name] != want {
			t.Errorf("%s: %q, want %q", name, values[name], want)
		}
	}
	unasked := map[string]bool{}
	for _, u := range doc.Unasked {
		unasked[u.Environment+" "+string(u.Section)] = true
	}
	// The project is in no repository, so nobody knows which providers it had.
	if !unasked["cloud "+string(parity.Provider)] || !unasked["cloud "+string(parity.Package)] || !unasked["other "+string(parity.Package)] {
		t.Errorf("unasked are %v", doc.Unasked)
	}
	if n := doc.Matrix[0].Count; n != len(parity.Counting(doc.Found)) || n == 0 {
		t.Errorf("the matrix says %d", n)
	}
}

// diff compares cloud with other, wants an exit code, and that nothing was
// changed.
func (c *cloud) diff(t *testing.T, code int, more ...string) report.DiffDocument {
	t.Helper()
	before := c.changesOf(t, 0).last
	stdout, stderr := c.run(t, code, append([]string{"diff", "cloud", "other", "--output", "json"}, more...)...)
	if made := c.changesOf(t, before).made; len(made) > 0 {
		t.Errorf("it is to read only, and has done %v", made)
	}
	var doc report.DiffDocument
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || doc.Schema != "infra/diff/v1" || len(doc.Matrix) != 1 {
		t.Fatalf("%v: %s\n%s", err, stdout, stderr)
	}
	return doc
}
