package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// codeOnly is the shipped code in a repository of its own, without a cloud:
// for what stops before it would need one.
func codeOnly(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{project: t.TempDir()}
	for _, dir := range []string{"terraform", "ansible", "environments"} {
		if err := os.CopyFS(filepath.Join(c.project, dir), os.DirFS(filepath.Join("..", "..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	c.git(t, "init", "--quiet", "--initial-branch=main")
	return c
}

// TestPipelineRemovesAnEnvironment removes an environment's file: refused, unless
// somebody says that it is meant. Nothing of it needs an account.
func TestPipelineRemovesAnEnvironment(t *testing.T) {
	t.Parallel()
	c := codeOnly(t)
	c.write(t, "environments/unused.yaml", "region: eu-west-1\n")
	c.commit(t, "first")
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.git(t, "rm", "--quiet", "environments/acme.yaml", "environments/unused.yaml")
	c.commit(t, "without acme")
	_, stderr := c.run(t, 3, "ci", "plan")
	wantText(t, stderr, "acme", "next: ", "infra destroy acme", "--removed acme")
	if strings.Contains(stderr, "unused") {
		t.Errorf("a base is taken for an environment:\n%s", stderr)
	}
	c.run(t, 3, "ci", "plan", "--removed", "prod")
	stdout, _ := c.run(t, 0, "ci", "plan", "--removed", "acme", "--output", "json")
	wantText(t, stdout, `"removed": [`, `"acme"`, `"environments": []`)
	_, stderr = c.run(t, 0, "ci", "affected", "--push") // it is merged
	wantText(t, stderr, "warning: ", "acme", "No environment is affected")
	c.git(t, "commit", "--quiet", "--amend", "--message", "without acme\n\nInfra-Removed: acme")
	comment := filepath.Join(t.TempDir(), "comment.md")
	c.run(t, 0, "ci", "plan", "--comment", comment)
	if data, err := os.ReadFile(comment); err != nil || !strings.Contains(string(data), "no environment is affected") {
		t.Errorf("%v: %s", err, data)
	}
	c.run(t, 64, "ci", "plan", "--base", "none")
	c.run(t, 64, "ci", "plan", "--env", "pord")
	c.run(t, 64, "ci", "init", "jenkins")
	// A job that left no plan behind is not passed over.
	c.run(t, 1, "ci", "comment", t.TempDir(), "--comment", comment, "--expect", `[{"environment":"prod"}]`)
	if data, err := os.ReadFile(comment); err != nil || !strings.Contains(string(data), "its job left no plan") || !strings.Contains(string(data), "infra ci plan --env prod") {
		t.Errorf("%v: %s", err, data)
	}
	c.run(t, 0, "ci", "comment", t.TempDir(), "--expect", "[]")
	c.run(t, 64, "ci", "comment", "none.json")
}

// TestMovedEnvironment moves an environment's file into a folder: it is not
// gone, and is affected by what it extends.
func TestMovedEnvironment(t *testing.T) {
	t.Parallel()
	c := codeOnly(t)
	c.commit(t, "first")
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "environments/customers/note.txt", "customers\n")
	c.git(t, "mv", "environments/acme.yaml", "environments/customers/acme.yaml")
	c.commit(t, "acme is a customer")
	stdout, _ := c.run(t, 0, "ci", "affected", "--output", "json")
	wantText(t, stdout, `"removed": []`, `"environment": "acme"`, `"environments/customers/acme.yaml"`)
	c.git(t, "rm", "--quiet", "environments/customers/acme.yaml")
	c.commit(t, "acme is no customer any more")
	_, stderr := c.run(t, 3, "ci", "affected", "--base", "HEAD~1")
	wantText(t, stderr, "accept the removal of acme")
}

// hundreds is the shipped code with 500 environments more, and a commit that
// affects none of them.
func hundreds(t *testing.T) *cloud {
	t.Helper()
	c := codeOnly(t)
	for i := range 500 {
		c.write(t, fmt.Sprintf("environments/env-%03d.yaml", i), fmt.Sprintf("extends: base\naccount: \"%d\"\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.%d.0.0/16\n", 100000000000+i, i%250))
	}
	c.commit(t, "first")
	c.write(t, "README.md", "x")
	c.commit(t, "second")
	return c
}

// TestPipelineOfHundreds finds that nothing is affected among 500 environments,
// and one by its name. How long that takes, `make bench` says.
func TestPipelineOfHundreds(t *testing.T) {
	t.Parallel()
	c := hundreds(t)
	_, stderr := c.run(t, 0, "ci", "plan", "--base", "HEAD^")
	wantText(t, stderr, "no environment is affected")
	stdout, _ := c.run(t, 0, "ci", "affected", "--base", "HEAD^", "--env", "env-007", "--output", "json")
	wantText(t, stdout, `"environment": "env-007"`, `"product": "baseline"`)
}

// TestPipelineMatrixOfHundreds affects more environments than GitHub makes jobs
// of a matrix: several share one, with no role of the job's own, and none is lost.
func TestPipelineMatrixOfHundreds(t *testing.T) {
	t.Parallel()
	c := hundreds(t)
	c.write(t, "ansible/playbooks/site.yml", "# another\n"+content(t, filepath.Join(c.project, "ansible", "playbooks", "site.yml")))
	c.commit(t, "a change for all")
	output := filepath.Join(t.TempDir(), "output")
	cmd := c.command(t.Context(), "ci", "affected", "--base", "HEAD^")
	cmd.Env = append(cmd.Env, "GITHUB_OUTPUT="+output)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	matrix := strings.TrimPrefix(content(t, output), "environments=")
	var rows []struct {
		Environment string
		ApplyRole   string `json:"apply_role"`
	}
	if err := json.Unmarshal([]byte(matrix), &rows); err != nil || len(rows) > 256 {
		t.Fatalf("%v, %d rows: %s", err, len(rows), matrix)
	}
	all := 0
	for _, row := range rows {
		names := strings.Count(row.Environment, ",") + 1
		if all += names; (names == 1) != (row.ApplyRole != "") {
			t.Errorf("%+v", row)
		}
	}
	if all != 503 { // acme, prod and staging too
		t.Errorf("%d environments in the matrix", all)
	}
	comment := filepath.Join(t.TempDir(), "comment.md")
	c.run(t, 1, "ci", "comment", t.TempDir(), "--comment", comment, "--expect", matrix)
	wantText(t, content(t, comment), "503 affected environments", "env-000")
}
