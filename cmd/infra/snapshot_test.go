//go:build endtoend

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// snapshotPlan is the part of infra/snapshot-plan/v1 that the tests read.
type snapshotPlan struct {
	Schema   string  `json:"schema"`
	Feasible bool    `json:"feasible"`
	Window   float64 `json:"window"`
	Steps    []struct {
		Final bool `json:"final"`
	} `json:"steps"`
}

// snapshotRun is the part of infra/snapshot-run/v1 that the tests read.
type snapshotRun struct {
	Schema    string `json:"schema"`
	Volume    string `json:"volume"`
	Snapshot  string `json:"snapshot"`
	Snapshots []struct {
		Copy       string  `json:"copy"`
		Standstill float64 `json:"standstill"`
	} `json:"snapshots"`
	Recovered *struct {
		Source string `json:"source_answer"`
		Answer string `json:"answer"`
	} `json:"recovered"`
	Left string `json:"left"`
}

// movesADatabase takes a chain of snapshots of the standby's volume while
// pgbench writes, copies it to another region, and recovers a server from the
// last one: every row that was committed before the freeze is there.
func movesADatabase(t *testing.T, p *platform) {
	const database = "moved"
	p.on(t, "postgresql-1", "-u", "postgres", "createdb", database)
	p.on(t, "postgresql-1", "-u", "postgres", "pgbench", "--quiet", "--initialize", "--scale=5", database)
	p.on(t, "postgresql-1", "systemd-run", "--quiet", "--collect", "--unit=moved-load", "--uid=postgres",
		"pgbench", "--no-vacuum", "--client=2", "--rate=20", "--time=7200", database)
	t.Cleanup(func() {
		p.on(t, "postgresql-1", "systemctl", "stop", "moved-load")
		p.on(t, "postgresql-1", "-u", "postgres", "dropdb", "--force", database)
	})
	figures := []string{"--random-writes", "20000", "--throughput", "16", "--overhead", "3s", "--gap", "2s"}
	picture := filepath.Join(t.TempDir(), "chain.svg")
	plan := data[snapshotPlan](t, p, append([]string{"snapshot", "plan", "e2e", "--svg", picture, "--target", "9s"}, figures...)...)
	if plan.Schema != "infra/snapshot-plan/v1" || !plan.Feasible || len(plan.Steps) < 2 || !plan.Steps[len(plan.Steps)-1].Final || plan.Window > 9 {
		t.Errorf("%+v", plan)
	}
	if svg, err := os.ReadFile(picture); err != nil || !strings.HasPrefix(string(svg), "<svg") {
		t.Errorf("the picture: %v", err)
	}
	p.run(t, 3, "snapshot", "plan", "e2e", "--random-writes", "20000", "--throughput", "16", "--target", "1ms")

	// The target leaves room for a slow machine.
	run := append([]string{
		"snapshot", "run", "e2e", "--target", "1m", "--auto-approve", "--poll", "500ms", "--freeze-limit", "2m", "--to-region", "eu-central-1",
		"--database", database, "--probe", "SELECT count(*) FROM pgbench_history",
	}, figures...)
	moved := data[snapshotRun](t, p, run...)
	if moved.Schema != "infra/snapshot-run/v1" || len(moved.Snapshots) == 0 || moved.Left != "" || !strings.HasPrefix(moved.Volume, "vol-") {
		t.Fatalf("%+v", moved)
	}
	last := moved.Snapshots[len(moved.Snapshots)-1]
	if last.Copy != moved.Snapshot || last.Standstill <= 0 {
		t.Errorf("the last snapshot: %+v of %+v", last, moved)
	}
	before, err := strconv.Atoi(moved.Recovered.Source)
	if err != nil || before == 0 {
		t.Fatalf("the source answered %q", moved.Recovered.Source)
	}
	if after, err := strconv.Atoi(moved.Recovered.Answer); err != nil || after < before {
		t.Errorf("%d rows were committed before the freeze, the recovered server has %q", before, moved.Recovered.Answer)
	}

	// Nothing of it is left on the hosts: the standby takes writes, the witness is as it was.
	p.on(t, "postgresql-2", "timeout", "30", "touch", "/var/lib/postgresql/.written")
	p.on(t, "postgresql-2", "rm", "/var/lib/postgresql/.written")
	for _, host := range []string{"postgresql-2", "postgresql-witness"} {
		if left := p.on(t, host, "find", "/run", "-maxdepth", "1", "-name", "infra-snapshot-*"); left != "" {
			t.Errorf("on %s is left: %s", host, left)
		}
		if left := p.on(t, host, "systemctl", "list-units", "--all", "--plain", "--no-legend", "infra-snapshot-*"); left != "" {
			t.Errorf("on %s is left: %s", host, left)
		}
	}
}
