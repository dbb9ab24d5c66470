package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/bundle"
	"infra/internal/ci"
	"infra/internal/report"
	"infra/internal/run"
	"infra/internal/state"
)

// planned changes east in a branch and runs the pull request's jobs: what the
// plan job has printed.
func (p *pipeline) planned(t *testing.T, branch, stage string) ci.Environment {
	t.Helper()
	c := p.c
	c.git(t, "switch", "--quiet", "--create", branch, "main")
	c.write(t, "environments/east.yaml", "extends: cloud\ntags: {stage: "+stage+"}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.90.0.0/16\n")
	p.commit(t, "stage "+stage)
	p.pullRequest(t)
	if names := p.affected(t, "false"); !slices.Equal(names, []string{"east"}) {
		t.Fatalf("affected are %v", names)
	}
	if code, said := p.job(t, "plan", map[string]string{"matrix.environment": "east"}); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	var plan ci.Plan
	if err := json.Unmarshal([]byte(p.read(t, "plan.json")), &plan); err != nil || len(plan.Environments) != 1 || plan.Environments[0].Plan.Bundle == nil {
		t.Fatalf("%v: %+v", err, plan)
	}
	return plan.Environments[0]
}

// merged runs the jobs of a push to main that makes commits of a branch.
func (p *pipeline) merged(t *testing.T, merge ...[]string) (code int, said string) {
	t.Helper()
	p.c.git(t, "switch", "--quiet", "main")
	before := p.head(t, "main")
	for _, args := range merge {
		p.c.git(t, args...)
	}
	p.c.git(t, "push", "--quiet", "origin", "main")
	p.push(t, before)
	if names := p.affected(t, "true"); !slices.Equal(names, []string{"east"}) {
		t.Fatalf("affected by the push are %v", names)
	}
	return p.job(t, "apply", map[string]string{"matrix.environment": "east"})
}

// runs are the ids of an environment's runs that the ledger has.
func (c *cloud) runs(t *testing.T, environment string) []string {
	t.Helper()
	stdout, _ := c.run(t, 0, "runs", environment, "--output", "json")
	var doc report.RunsDocument
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	var ids []string
	for _, r := range doc.Runs {
		ids = append(ids, r.Run)
	}
	return ids
}

// TestPipelineMerges merges a pull request in each of the three ways that
// services offer: the plan is found, what was approved is done, the ledger has
// one run more of the one environment, and the others are left alone.
func TestPipelineMerges(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	c := p.c
	for i, merge := range [][][]string{
		{{"merge", "--quiet", "--no-ff", "--message", "Merge topic-0", "topic-0"}},
		{{"merge", "--quiet", "--squash", "topic-1"}, {"commit", "--quiet", "--message", "stage (#1)"}},
		{{"rebase", "--quiet", "main", "topic-2"}, {"switch", "--quiet", "main"}, {"merge", "--quiet", "--ff-only", "topic-2"}},
	} {
		stage := fmt.Sprintf("s%d", i)
		plan := p.planned(t, fmt.Sprintf("topic-%d", i), stage)
		before := map[string][]string{"east": c.runs(t, "east"), "west": c.runs(t, "west"), "cloud": c.runs(t, "cloud")}
		if i == 2 { // what makes a rebase another commit than the one that was planned
			c.git(t, "switch", "--quiet", "main")
			c.write(t, "README.md", "another change\n")
			p.commit(t, "another")
		}
		at := c.changesOf(t, 0).last
		if code, said := p.merged(t, merge...); code != 0 {
			t.Fatalf("%v: exit %d: %s", merge, code, said)
		}
		wantText(t, p.read(t, "apply.json"), `"exit": 0`, `"applied": 1`, plan.Plan.Bundle.Place)
		for name, had := range before {
			more := len(c.runs(t, name)) - len(had)
			if name == "east" && more != 1 || name != "east" && more != 0 {
				t.Errorf("%v: the ledger of %s has %d runs more", merge, name, more)
			}
		}
		for _, made := range c.changesOf(t, at).made {
			if !strings.Contains(made, "/east") {
				t.Errorf("%v: not of east: %s", merge, made)
			}
		}
		stdout, _ := c.run(t, 0, "state", "show", "east", "module.vpc.terraform_data.net", "--product", "pipeline")
		wantText(t, stdout, stage)
	}
}

// TestPipelineForged puts other plans in the place of what was approved, as
// whoever may plan can: none is carried out.
func TestPipelineForged(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	c := p.c
	plan := p.planned(t, "topic", "blue")
	evil := filepath.Join(t.TempDir(), "evil.bundle")
	c.write(t, "terraform/layers/vpc/main.tf", strings.Replace(tinyLayer, `"first"`, `"evil"`, 1))
	c.run(t, 2, "plan", "east", "--product", "pipeline", "--out", evil)
	c.git(t, "checkout", "--quiet", "--", ".")
	newest := forge(t, c, "east", c.s3(t), plan.Plan.Bundle.Place, evil)
	before := c.changesOf(t, 0).last
	code, said := p.merged(t, []string{"merge", "--quiet", "--squash", "topic"}, []string{"commit", "--quiet", "--message", "stage (#1)"})
	if code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, p.read(t, "apply.json"), newest)
	wantText(t, said, "they would not do the same", "pipeline/east: module.vpc.terraform_data.net would update with other values than were approved", "infra ci plan --env east", "infra ci apply --env east")
	for _, made := range c.changesOf(t, before).made {
		if strings.Contains(made, "terraform.tfstate") && !strings.HasSuffix(made, ".tflock") {
			t.Errorf("refused, and yet it has done %s", made)
		}
	}

	// Something that is no plan at all.
	junk := filepath.Join(t.TempDir(), "junk.bundle")
	nothing := filepath.Join(t.TempDir(), "nothing")
	if err := os.WriteFile(nothing, []byte("PK\x05\x06 and nothing else"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened, err := bundle.Open(evil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := opened.Manifest
	for i := range m.Stacks {
		m.Stacks[i].File, m.Stacks[i].SHA256 = "", ""
	}
	if _, err := bundle.Write(junk, m, map[string]string{"pipeline": nothing}); err != nil {
		t.Fatal(err)
	}
	forge(t, c, "east", c.s3(t), plan.Plan.Bundle.Place, junk)
	if code, said = p.job(t, "apply", map[string]string{"matrix.environment": "east"}); code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "read the approved plan of pipeline/east", "infra ci plan --env east")

	// What it says is what mends it.
	c.run(t, 2, "ci", "plan", "--env", "east")
	c.run(t, 0, "ci", "apply", "--env", "east")
	stdout, _ := c.run(t, 0, "state", "show", "east", "module.vpc.terraform_data.net", "--product", "pipeline")
	if wantText(t, stdout, "blue"); strings.Contains(stdout, "evil") {
		t.Errorf("it was carried out:\n%s", stdout)
	}
}

// forge keeps a bundle with the plans of another one, in the place of the honest
// one and newer, with a record in the ledger that vouches for it. The answer is
// where it is.
func forge(t *testing.T, c *cloud, environment string, as *s3.Client, honest, with string) string {
	t.Helper()
	bucket, key, _ := bundle.ParseURL(honest)
	place := bundle.Place{Bucket: bucket, Account: cloudAccount, Key: key, KMSKey: state.NewBucket(c.config(t), bucket, cloudAccount, true, nil).KeyARN()}
	fetched := filepath.Join(t.TempDir(), "honest.bundle")
	if err := place.Get(t.Context(), as, fetched); err != nil {
		t.Fatal(err)
	}
	was, err := bundle.Open(fetched, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := bundle.Open(with, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m, plans := was.Manifest, map[string]string{}
	m.Run = fmt.Sprintf("2999-%d", time.Now().UnixNano()) // by its name the newest
	for i, s := range m.Stacks {
		m.Stacks[i].File, m.Stacks[i].SHA256 = "", ""
		if file := other.Plan(s.Product); file != "" {
			plans[s.Product] = file
		}
	}
	forged, err := bundle.Write(filepath.Join(t.TempDir(), "forged.bundle"), m, plans)
	if err != nil {
		t.Fatal(err)
	}
	store := run.NewStore(as, bucket, cloudAccount, environment)
	var record run.Record
	if err := store.GetPlan(t.Context(), was.Run, &record); err != nil {
		t.Fatal(err)
	}
	record.Bundle = forged.Digest
	if err := store.PutPlan(t.Context(), m.Run, &record); err != nil {
		t.Fatal(err)
	}
	place.Key = bundle.ContentKey(environment, m.Content, m.Run)
	if err := place.Put(t.Context(), as, forged.Path); err != nil {
		t.Fatal(err)
	}
	return place.URL()
}
