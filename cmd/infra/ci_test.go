package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPipeline plays a pull request, its merge by a squash after another one,
// and everything that may go wrong afterwards, with the very commands of the
// workflow that infra writes.
func TestPipeline(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	c := p.c

	// A pull request changes one of three environments.
	c.git(t, "switch", "--quiet", "--create", "topic")
	east, err := os.ReadFile(filepath.Join(c.project, "environments", "east.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "environments/east.yaml", string(east)+"tags: {stage: blue}\n")
	c.write(t, "README.md", "nothing\n")
	p.commit(t, "a tag")
	p.pullRequest(t)
	if names := p.affected(t, "false"); strings.Join(names, " ") != "east" {
		t.Fatalf("affected are %v", names)
	}
	code, said := p.job(t, "plan", map[string]string{"matrix.environment": "east"})
	if code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	plan := p.read(t, "plan.json")
	wantText(t, plan, `"schema": "infra/ci-plan/v1"`, `"exit": 2`, `"action": "update"`, `module.vpc.terraform_data.net`, `"place": "s3://`)
	wantText(t, p.read(t, "summary"), "1 of 1 affected environments would change", "pipeline/east", "```diff", `stage`)
	if err := xml.Unmarshal([]byte(p.read(t, "junit.xml")), &struct{}{}); err != nil {
		t.Error(err)
	}
	wantText(t, p.comment(t, ""), "--method POST repos/o/r/issues/7/comments --field body=@")
	wantText(t, p.comment(t, "42"), "--method PATCH repos/o/r/issues/comments/42 --field body=@")
	wantText(t, p.read(t, "comment.md"), "<!-- infra ci plan -->\n", "| pipeline/east | 0 | 0 | 1 | 0 |")

	// Another one is merged first, which does not concern it; then this one, by a squash.
	c.git(t, "switch", "--quiet", "main")
	west, err := os.ReadFile(filepath.Join(c.project, "environments", "west.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "environments/west.yaml", string(west)+"tags: {stage: green}\n")
	p.commit(t, "another")
	before := p.head(t, "HEAD")
	c.git(t, "merge", "--quiet", "--squash", "topic")
	p.commit(t, "a tag (#7)")
	c.git(t, "push", "--quiet", "origin", "main")
	p.push(t, before)
	if names := p.affected(t, "true"); strings.Join(names, " ") != "east" {
		t.Fatalf("affected by the push are %v", names)
	}
	if code, said = p.job(t, "apply", map[string]string{"matrix.environment": "east"}); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, p.read(t, "apply.json"), `"schema": "infra/ci-apply/v1"`, `"exit": 0`, `"applied": 1`)
	c.run(t, 0, "plan", "east")

	// The same plan a second time is stale: the state has moved on.
	if code, said = p.job(t, "apply", map[string]string{"matrix.environment": "east"}); code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "::error file=environments/east.yaml,title=infra east::", "stale", "infra ci plan --env east")

	// What the other change made of west nobody has planned.
	p.push(t, p.head(t, before+"^"))
	if code, said = p.job(t, "apply", map[string]string{"matrix.environment": "west"}); code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "no plan was kept for this content", "infra ci plan --env west")
	wantText(t, p.read(t, "junit.xml"), "refused by a guard")
	// What it says is what mends it.
	c.run(t, 2, "ci", "plan", "--env", "west")
	c.run(t, 0, "ci", "apply", "--env", "west")
	c.run(t, 0, "plan", "west")

	// A file that is in no commit is no part of what anybody approved.
	c.write(t, "terraform/layers/vpc/more.tf", "locals { x = 1 }\n")
	_, stderr := c.run(t, 3, "ci", "plan", "--env", "west")
	wantText(t, stderr, "terraform/layers/vpc/more.tf is not as it was committed", "git stash")
	if err := os.Remove(filepath.Join(c.project, "terraform", "layers", "vpc", "more.tf")); err != nil {
		t.Fatal(err)
	}
}

// TestPipelineDestroys takes something stateful out of the code: the plan is
// shown and refused, nothing is kept that a merge could apply, and what the
// error says to write into the commit lets it through.
func TestPipelineDestroys(t *testing.T) {
	t.Parallel()
	secret := strings.Replace(keptSecret, "prevent_destroy = true", "create_before_destroy = false", 1)
	secret = strings.Replace(secret, `"infra-kept"`, `"infra-${var.environment}"`, 1)
	p := newPipeline(t, func(c *cloud) {
		provider, err := os.ReadFile(filepath.Join("..", "..", "terraform", "products", "baseline", "provider.tf"))
		if err != nil {
			t.Fatal(err)
		}
		c.tiny(t, oneThing+secret)
		c.write(t, "terraform/products/baseline/provider.tf", string(provider))
	})
	c := p.c
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "terraform/products/baseline/main.tf", tinyRoot+oneThing)
	p.commit(t, "no secret")
	p.pullRequest(t)
	if names := p.affected(t, "false"); strings.Join(names, " ") != "acme cloud east prod sandbox staging west" {
		t.Fatalf("affected are %v", names)
	}
	code, said := p.job(t, "plan", map[string]string{"matrix.environment": "east"})
	if code != 1 { // of the step's own `test`: the exit code was not 2
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "::error file=environments/east.yaml", "aws_secretsmanager_secret.kept")
	summary := p.read(t, "summary")
	wantText(t, p.read(t, "plan.json"), `"exit": 3`)
	wantText(t, summary, "could not be planned", "Destroys and replaces: 1", "<code>aws&#95;secretsmanager&#95;secret.kept</code>", "--allow-destroy aws_secretsmanager_secret.kept")
	if strings.Contains(summary, "kept until") {
		t.Errorf("a refused plan was kept:\n%s", summary)
	}
	c.git(t, "commit", "--quiet", "--amend", "--message", "no secret\n\nInfra-Allow-Destroy: aws_secretsmanager_secret.kept")
	_, stderr := c.run(t, 2, "ci", "plan", "--env", "east")
	wantText(t, stderr, "| baseline/east | 1 | 0 | 0 | 0 |", "east: kept until")
	c.git(t, "switch", "--quiet", "main")
	// A squash that lost the trailer has lost the permission: what the kept plan says of it does not count.
	c.git(t, "merge", "--quiet", "--squash", "topic")
	p.commit(t, "no secret (#1)")
	_, stderr = c.run(t, 3, "ci", "apply", "--env", "east")
	wantText(t, stderr, "nobody allowed it", "--allow-destroy aws_secretsmanager_secret.kept to: infra ci apply --env east", "Infra-Allow-Destroy: ADDRESS")
	c.git(t, "reset", "--quiet", "--hard", "HEAD^")
	c.git(t, "merge", "--quiet", "--no-ff", "--message", "merge", "topic")
	c.git(t, "push", "--quiet", "origin", "main")
	stdout, _ := c.run(t, 0, "ci", "apply", "--env", "east", "--output", "json")
	wantText(t, stdout, `"exit": 0`, `"applied": 1`)
}
