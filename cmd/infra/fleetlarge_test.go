//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"infra/internal/fleet"
	"infra/internal/report"
	"infra/internal/run"
)

// fifty is how many environments TestLargeFleet has on each side, of which
// every tenth fails.
const fifty = 50

// largeFleet are the flags of both roll-outs.
func largeFleet(side string, more ...string) []string {
	return append([]string{
		"apply", "--env", "customers/" + side + "*", "--canary", side + "01", "--waves", "10%,50%,100%", "--max-failures", "10%",
		"--product", "baseline", "--auto-approve",
	}, more...)
}

// TestLargeFleet rolls the same change out over fifty environments on one
// machine and over fifty by three workers of a real Temporal server. There a
// worker is killed in the middle of an apply with all that it has started, the
// server is killed and started again, and so is the starter. Both end in the
// same way: nothing applied twice, wave after wave, within the budget.
func TestLargeFleet(t *testing.T) {
	var names []string
	for _, side := range []string{"c", "d"} {
		for i := range fifty {
			names = append(names, fmt.Sprintf("%s%02d", side, i+1))
		}
	}
	c := newCustomers(t, names...)
	for _, name := range c.names {
		switch {
		case strings.HasSuffix(name, "0"):
			c.customer(t, name, "broken: \"1\"")
		case name == slowOne:
			c.customer(t, name, "slow: \"yes\"")
		}
	}
	c.cloud.git(t, "init", "--quiet", "--initial-branch", "main")
	c.commit(t, "the customers")

	alone := onOneMachine(t, c)
	shared := onTemporal(t, c)
	for i, e := range alone.Environments {
		other := shared.Environments[i]
		if e.Name[1:] != other.Name[1:] || e.State != other.State || e.Wave != other.Wave || e.Exit != other.Exit {
			t.Errorf("on one machine %s of wave %d is %s (%d), on Temporal %s of wave %d is %s (%d)", e.Name, e.Wave, e.State, e.Exit, other.Name, other.Wave, other.State, other.Exit)
		}
	}
}

// onOneMachine plans and applies the first fifty, and measures both.
func onOneMachine(t *testing.T, c *customers) report.FleetDocument {
	t.Helper()
	began, cpu := time.Now(), childrenCPU(t)
	out, _ := c.cloud.run(t, 2, "fleet", "plan", "--env", "customers/c*", "--product", "baseline", "--output", "json")
	var plans report.FleetPlanDocument
	if err := json.Unmarshal([]byte(out), &plans); err != nil || len(plans.Environments) != fifty || plans.Failed {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("fleet: plan of %d environments: %s, %s of CPU", fifty, time.Since(began).Round(time.Second), (childrenCPU(t) - cpu).Round(time.Second))

	began, cpu = time.Now(), childrenCPU(t)
	doc := c.fleet(t, 1, largeFleet("c")...)
	t.Logf("fleet: apply of %d environments on one machine: %s, %s of CPU; %v", fifty, time.Since(began).Round(time.Second), (childrenCPU(t) - cpu).Round(time.Second), doc.Counts)
	c.asWanted(t, doc)
	return doc
}

// asWanted wants every tenth to have failed and all others to be done, once
// each and wave after wave.
func (c *customers) asWanted(t *testing.T, doc report.FleetDocument) {
	t.Helper()
	for _, e := range doc.Environments {
		want := fleet.Done
		if strings.HasSuffix(e.Name, "0") {
			want = fleet.Failed
		}
		if e.State != want {
			t.Errorf("%s is %s, want %s: %s", e.Name, e.State, want, e.Error)
		}
	}
	if doc.Count(fleet.Failed) > doc.Policy.MaxFailures {
		t.Errorf("%d failed, %d may", doc.Count(fleet.Failed), doc.Policy.MaxFailures)
	}
	c.once(t, doc)
	c.inWaves(t, doc)
}

// childrenCPU is what the processes that have ended have taken so far.
func childrenCPU(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// clone is the same commit in another folder, as another machine has it.
func (c *customers) clone(t *testing.T) *cloud {
	t.Helper()
	other := *c.cloud
	other.project = t.TempDir()
	other.git(t, "clone", "--quiet", c.project, ".")
	if err := os.MkdirAll(filepath.Join(other.project, ".infra"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"python", "terraform"} {
		from, err := os.Readlink(filepath.Join(c.project, ".infra", dir))
		if err != nil {
			continue // a suitable one is on PATH
		}
		if err := os.Symlink(from, filepath.Join(other.project, ".infra", dir)); err != nil {
			t.Fatal(err)
		}
	}
	return &other
}

// worked tells whether an environment had its turn in a checkout.
func worked(c *cloud, name string) bool {
	logs, err := filepath.Glob(filepath.Join(c.project, ".infra", "fleet", "*", name+".log"))
	return err == nil && len(logs) > 0
}

// hasRun tells whether a roll-out's runs of an environment ended in a way.
func (c *customers) hasRun(t *testing.T, name, rollout, result string) bool {
	t.Helper()
	return slices.ContainsFunc(c.applied(t, name, rollout), func(r run.Record) bool { return string(r.Result) == result })
}
