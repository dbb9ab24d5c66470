package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/report"
)

// TestPipelineDrift runs the commands of the scheduled workflow: one report of
// all environments, which are only read.
func TestPipelineDrift(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	c := p.c
	for _, name := range []string{"acme", "prod", "staging"} { // of AWS itself
		if err := os.Remove(filepath.Join(c.project, "environments", name+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	sandbox, err := os.ReadFile(filepath.Join(c.project, "environments", "sandbox.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	endpoint := ""
	for line := range strings.Lines(string(sandbox)) {
		if strings.HasPrefix(line, "endpoint:") {
			endpoint = line
		}
	}
	c.write(t, "environments/sandbox.yaml", strings.Replace(string(sandbox), endpoint, "endpoint: "+c.endpoint+"\n", 1))
	for _, name := range []string{"cloud", "sandbox"} {
		c.run(t, 0, "apply", name, "--auto-approve")
	}
	p.commit(t, "four environments")
	p.event(t, "{}")
	if doc, said := p.drift(t, 0); len(doc.Environments) != 4 || strings.Contains(said, "::notice") {
		t.Errorf("just applied, and yet %+v\n%s", doc, said)
	}
	wantText(t, p.read(t, "summary"), "drift in 0 of 4 environments", "| west | no drift; the hosts were not asked |")

	// The code wants something of one that nobody applied.
	c.write(t, "environments/west.yaml", "extends: cloud\ntags: {stage: green}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.91.0.0/16\n")
	p.commit(t, "not applied")
	p.event(t, "{}")
	doc, said := p.drift(t, 2)
	for _, e := range doc.Environments {
		if e.Error != nil || e.Drift != (e.Environment == "west") {
			t.Errorf("found %+v", e)
		}
	}
	wantText(t, said, "::notice file=environments/west.yaml,title=infra drift west::", "not applied")
	wantText(t, p.read(t, "summary"), "drift in 1 of 4 environments", "module.vpc.terraform_data.net")
	wantText(t, p.read(t, "drift.html"), "Drift: west.", "module.vpc.terraform_data.net")
}

// drift runs the workflow's job, wants its exit code, and that it has changed
// nothing.
func (p *pipeline) drift(t *testing.T, want int) (doc report.DriftDocument, said string) {
	t.Helper()
	before := p.c.changesOf(t, 0).last
	code, said := p.job(t, "drift", nil)
	if code != want {
		t.Fatalf("exit %d, want %d: %s", code, want, said)
	}
	if made := p.c.changesOf(t, before).made; len(made) > 0 {
		t.Errorf("it is to read only, and has done %v", made)
	}
	if err := json.Unmarshal([]byte(p.read(t, "drift.json")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, said
}
