package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"infra/internal/drift"
	"infra/internal/fleet"
	"infra/internal/report"
	"infra/internal/run"
)

// fleetCode makes three things in each environment. Between the first and the
// second Terraform waits for the test's server, where the environment's tags
// say so; the second fails where they do.
const fleetCode = `resource "terraform_data" "first" {
  input = var.environment
}

data "terraform_remote_state" "slow" {
  count      = lookup(var.tags, "slow", "no") == "yes" ? 1 : 0
  backend    = "http"
  config     = { address = "%s/${var.environment}" }
  depends_on = [terraform_data.first]
}

resource "terraform_data" "second" {
  input      = terraform_data.first.output
  depends_on = [data.terraform_remote_state.slow]
  provisioner "local-exec" {
    command = "exit ${lookup(var.tags, "broken", "0")}"
  }
}

resource "terraform_data" "third" {
  input = terraform_data.second.output
}
`

// slowness is how long the test's server takes to answer a Terraform.
const slowness = 5 * time.Second

// fleetThings is how many there are.
const fleetThings = 3

// customers is a cloud with many environments, each with an account's worth of
// a tiny product.
type customers struct {
	*cloud
	names []string
	slow  sync.Map // environments in which Terraform waits, or has waited
}

func newCustomers(t *testing.T, names ...string) *customers {
	t.Helper()
	c := &customers{cloud: newCloud(t), names: names}
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.slow.Store(strings.TrimPrefix(r.URL.Path, "/"), true)
		select {
		case <-time.After(slowness):
		case <-r.Context().Done():
		}
		_, _ = fmt.Fprint(w, `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"other","outputs":{},"resources":[]}`)
	}))
	t.Cleanup(slow.Close)
	c.tiny(t, fmt.Sprintf(fleetCode, slow.URL))
	for _, name := range c.names {
		c.customer(t, name)
	}
	c.cloud.run(t, 0, "bootstrap", c.names[0])
	return c
}

// customer writes an environment's file; more are lines of YAML.
func (c *customers) customer(t *testing.T, name string, tags ...string) {
	t.Helper()
	i := slices.Index(c.names, name)
	c.write(t, "environments/customers/"+name+".yaml", fmt.Sprintf(
		"extends: sandbox\nendpoint: %s\ntags: {tier: gold%s}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.%d.%d.0/20\n",
		c.endpoint, strings.Join(append([]string{""}, tags...), ", "), 100+i/16, i%16*16))
}

// fleet runs infra fleet and reads the roll-out that it prints.
func (c *customers) fleet(t *testing.T, code int, args ...string) report.FleetDocument {
	t.Helper()
	out, _ := c.cloud.run(t, code, append([]string{"fleet", "--output", "json"}, args...)...)
	var doc report.FleetDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return doc
}

func fleetApply(more ...string) []string {
	return append([]string{"apply", "--env", "customers/*", "--product", "baseline", "--auto-approve"}, more...)
}

// states are the environments' states in their order.
func states(doc report.FleetDocument) string {
	var words []string
	for _, e := range doc.Environments {
		words = append(words, e.Name+":"+doc.Word(e, time.Now()))
	}
	return strings.Join(words, " ")
}

// applied is what an environment's ledger says of a roll-out: its runs of
// `infra apply`, oldest first.
func (c *customers) applied(t *testing.T, name, rollout string) []run.Record {
	t.Helper()
	all, err := run.NewStore(c.s3(t), c.bucket, cloudAccount, name).OfRollout(t.Context(), rollout)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r run.Record) bool { return r.Verb != "apply" })
}

// once wants the ledger of every environment that is done to have one run of
// the roll-out that was done with work, and all runs together not to have made
// the things twice; one that failed has made what it could, too.
func (c *customers) once(t *testing.T, doc report.FleetDocument) {
	t.Helper()
	for _, e := range doc.Environments {
		done, made := 0, 0
		for _, r := range c.applied(t, e.Name, doc.ID) {
			for _, s := range r.Stacks {
				made += s.Applied
			}
			if r.Result == run.Done && len(r.Stacks) > 0 {
				done++
			}
		}
		if e.State == fleet.Done && (done != 1 || len(e.Past) == 0 && (made < fleetThings || made >= 2*fleetThings)) {
			t.Errorf("%s: %d runs of the roll-out have applied it, %d things were made", e.Name, done, made)
		}
	}
}

// inWaves wants no environment to have begun before all of an earlier wave had
// ended: by the record of the roll-out and by the times of the ledgers.
func (c *customers) inWaves(t *testing.T, doc report.FleetDocument) {
	t.Helper()
	began, ended := map[string]time.Time{}, map[string]time.Time{}
	for _, e := range doc.Environments {
		for _, r := range c.applied(t, e.Name, doc.ID) {
			if began[e.Name].IsZero() {
				began[e.Name] = r.Started
			}
			ended[e.Name] = r.Ended
		}
	}
	for _, late := range doc.Environments {
		for _, early := range doc.Environments {
			if late.Wave <= early.Wave || began[late.Name].IsZero() {
				continue
			}
			if late.Begun.Before(early.Ended) || began[late.Name].Before(ended[early.Name]) || ended[early.Name].IsZero() {
				t.Errorf("%s of wave %d began at %s, %s of wave %d ended at %s", late.Name, late.Wave, began[late.Name], early.Name, early.Wave, ended[early.Name])
			}
		}
	}
}

// TestFleet rolls a change out over five environments on one machine: a canary,
// two waves, one that fails, and the rest once it was mended.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	c := newCustomers(t, "c01", "c02", "c03", "c04", "c05")
	c.customer(t, "c03", "broken: \"1\"")

	out, _ := c.cloud.run(t, 2, "fleet", "plan", "--env", "customers/*", "--product", "baseline", "--output", "json")
	var plans report.FleetPlanDocument
	if err := json.Unmarshal([]byte(out), &plans); err != nil || len(plans.Environments) != 5 || plans.Environments[4].Counts["create"] != fleetThings {
		t.Fatalf("%v\n%s", err, out)
	}

	metrics := t.TempDir()
	stopped := c.fleet(t, 1, fleetApply("--allow-destroy", "aws_ebs_volume.of_none", "--canary", "c02", "--wave", "2", "--parallel", "2", "--metrics-dir", metrics)...)
	if got := states(stopped); got != "c02:done c01:done c03:failed c04:not begun c05:not begun" || stopped.Stopped != "1 failed, and 0 may" {
		t.Errorf("%s; %s", got, stopped.Stopped)
	}
	c.once(t, stopped)
	c.inWaves(t, stopped)
	for name, result := range map[string]string{"c01": "done", "c02": "done", "c03": "failed"} {
		if got := gauges(t, filepath.Join(metrics, "infra-"+name+".prom")); got["result "+result] != 1 {
			t.Errorf("metrics of %s: %v", name, got)
		}
	}

	c.cloud.run(t, 3, "fleet", "resume") // it is still stopped
	c.customer(t, "c03")
	done := c.fleet(t, 0, "resume", stopped.ID, "--retry-failed")
	if got := states(done); got != "c02:done c01:done c03:done c04:done c05:done" {
		t.Errorf("%s", got)
	}
	for i, e := range done.Environments[:2] {
		if e.Run != stopped.Environments[i].Run {
			t.Errorf("%s was begun again", e.Name)
		}
	}
	c.once(t, done)
	if again := c.fleet(t, 0, "status", done.ID); states(again) != states(done) {
		t.Errorf("status: %s", states(again))
	}
	if out, _ := c.cloud.run(t, 0, "fleet", "plan", "--env", "customers/*", "--product", "baseline"); strings.Count(out, "no changes") != 5 {
		t.Errorf("after all is done:\n%s", out)
	}

	// Somebody changes the code of all: that is drift, one report for all.
	c.tiny(t, "resource \"terraform_data\" \"first\" {\n  input = \"other\"\n}\n")
	out, _ = c.cloud.run(t, 2, "fleet", "drift", "--env", "customers/*", "--skip-hosts", "--output", "json")
	var drifted report.DriftDocument
	if err := json.Unmarshal([]byte(out), &drifted); err != nil || len(drifted.Environments) != 5 || drifted.Failed {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, e := range drifted.Environments {
		if len(e.Findings) != fleetThings+1 || e.Findings[0].Kind != drift.Code { // one: the other product was never applied
			t.Errorf("%s: %+v", e.Environment, e.Findings)
		}
	}
}

// TestFleetAtATerminal is asked once for all environments, and sees the table.
func TestFleetAtATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	c := newCustomers(t, "c01", "c02")
	c.customer(t, "c02", "slow: \"yes\"")
	v := c.terminal(t, "fleet", "apply", "--env", "customers/*", "--product", "baseline", "--parallel", "2")
	v.says(t, "c02          -        -        -       3       -") // the counts of its plan
	v.says(t, "Apply this to 2 environments?")
	v.types(t, "yes\n")
	v.says(t, "c02          1     running") // a row of the table
	v.says(t, "baseline/c02: applying")
	v.says(t, "1 done, 1 running of 2")
	v.says(t, "\x1b[1A\x1b[2K") // which is drawn anew
	v.says(t, "2 done of 2")
	if code := exitCode(t, v.cmd.Wait()); code != 0 {
		t.Errorf("exit %d\n%s", code, v.text())
	}
}

// TestFleetAppliesWhatWasApproved answers the question after the code was
// changed and one of the environments was. Nothing is done that nobody saw.
func TestFleetAppliesWhatWasApproved(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	c := newCustomers(t, "c01", "c02", "c03")
	v := c.terminal(t, "fleet", "apply", "--env", "customers/*", "--product", "baseline", "--max-failures", "1")
	v.says(t, "Apply this to 3 environments?")
	c.cloud.run(t, 0, "apply", "c02", "--product", "baseline", "--auto-approve")
	c.tiny(t, "resource \"terraform_data\" \"other\" {\n  input = \"other\"\n}\n")
	v.types(t, "yes\n")
	if code := exitCode(t, v.cmd.Wait()); code != 3 { // c02's plan is stale
		t.Errorf("exit %d\n%s", code, v.text())
	}
	stale := c.fleet(t, 0, "status")
	if got := states(stale); got != "c01:done c02:failed c03:done" || !strings.Contains(stale.Environments[1].Error, "stale") {
		t.Fatalf("%s: %s", got, stale.Environments[1].Error)
	}
	for _, e := range stale.Environments {
		if e.State == fleet.Done && e.Applied != fleetThings { // a new plan would destroy and make others
			t.Errorf("%s: %d were applied", e.Name, e.Applied)
		}
	}
	if out, _ := c.cloud.run(t, 0, "state", "list", "c01", "--product", "baseline"); strings.Contains(out, "other") || !strings.Contains(out, "third") {
		t.Errorf("c01 has\n%s", out)
	}

	// What is tried again was not approved as it is now.
	_, said := c.cloud.run(t, 3, "fleet", "resume", "--retry-failed")
	wantText(t, said, "terminal", "--auto-approve")
	v = c.terminal(t, "fleet", "resume", "--retry-failed")
	v.says(t, "c02          3        -        -       1") // destroys and creates
	v.says(t, "Apply this to 1 environment?")
	v.types(t, "yes\n")
	if code := exitCode(t, v.cmd.Wait()); code != 0 {
		t.Errorf("exit %d\n%s", code, v.text())
	}
	if done := c.fleet(t, 0, "status"); states(done) != "c01:done c02:done c03:done" || done.Environments[1].Applied != 4 {
		t.Errorf("%s: %+v", states(done), done.Environments[1])
	}
}
