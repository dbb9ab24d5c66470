//go:build endtoend

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"infra/internal/pgdrill"
	table "infra/internal/report"
)

// TestDrillPostgreSQL runs the drill's whole list in a sandbox of its own: with
// one standby, where a failover may lose what its report calls the RPO, and
// with two and synchronous commits, where it may lose nothing. INFRA_DRILL
// narrows it: names of scenarios, and async or sync.
func TestDrillPostgreSQL(t *testing.T) {
	words := strings.Fields(os.Getenv("INFRA_DRILL"))
	for _, mode := range []struct{ name, settings string }{
		{"async", "standbys: 1"},
		{"sync", "standbys: 2, synchronous: true"},
	} {
		t.Run(mode.name, func(t *testing.T) {
			only := chosen(words, "async", "sync")
			if len(only) > 0 && only[0] != mode.name {
				t.Skip("left out by INFRA_DRILL")
			}
			p := newPlatform(t)
			p.write(t, "environments/e2e.yaml", "extends: sandbox\nendpoint: "+p.endpoint+
				"\nproducts:\n  pipeline:\n    vpc: {cidr: 10.77.0.0/16}\n    zookeeper: {size: 1}\n    postgresql: {"+mode.settings+"}\n")
			p.run(t, 0, "apply", "e2e", "--auto-approve")
			report := drillReport[pgdrill.Report](t, p, "pg", without(words, "async", "sync"))
			t.Logf("\n%s", table.DrillText(report))
			if !report.Passed {
				t.Errorf("it did not pass: %s %s", report.Why(), report.Stopped)
			}
			if report.SplitBrains > 0 || report.Synchronous && report.Lost > 0 {
				t.Errorf("%d split brains, %d rows lost", report.SplitBrains, report.Lost)
			}
			if report.Synchronous != (mode.name == "sync") {
				t.Errorf("synchronous: %t", report.Synchronous)
			}
		})
	}
}

// drillReport runs a drill, shows its lines as they come, and reads its report.
// Words are names of scenarios, and how many times they are run.
func drillReport[R any](t *testing.T, p *platform, command string, words []string) R {
	t.Helper()
	args := []string{"-C", p.project, command, "drill", "e2e", "--output", "json"}
	for _, word := range words {
		flag := "--scenario"
		if _, err := strconv.Atoi(word); err == nil {
			flag = "--rounds"
		}
		args = append(args, flag, word)
	}
	cmd := exec.CommandContext(t.Context(), p.infra, args...)
	cmd.Stderr = os.Stderr
	out, runErr := cmd.Output()
	p.keepDrill(t)
	var report R
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("infra %s drill: %v, %v\n%s", command, runErr, err, out)
	}
	return report
}

// keepDrill copies what a drill has kept of scenarios that did not pass to
// the checkout: the sandbox's folder goes with the test.
func (p *platform) keepDrill(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.project, ".infra", "runs", "e2e", "*", "evidence"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range found {
		to := filepath.Join("..", "..", ".infra", "evidence", filepath.Base(filepath.Dir(dir)))
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Error(err)
		}
		t.Logf("what did not pass is kept in %s", to)
	}
}

func chosen(words []string, of ...string) []string { return filtered(words, of, true) }

func without(words []string, of ...string) []string { return filtered(words, of, false) }

func filtered(words, of []string, in bool) []string {
	var kept []string
	for _, w := range words {
		if slices.Contains(of, w) == in {
			kept = append(kept, w)
		}
	}
	return kept
}
