//go:build endtoend

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	clusters "infra/internal/emr"
)

// unchanged wants that a plain plan has nothing to do: it believes what the
// replacement has left.
func (e *emrCloud) unchanged(t *testing.T) {
	t.Helper()
	e.run(t, 0, "plan", "cloud", "--product", "pipeline")
}

// moving are the arguments of a replacement or a rollback in little time.
func moving(verb string, more ...string) []string {
	return append([]string{"emr", verb, "cloud", "--auto-approve", "--grace", "6s", "--watch", "3s", "--drain", "4m"}, more...)
}

// TestReplaceEMR replaces a cluster under a client that submits steps
// throughout, kills infra once in every step and goes on: no submission fails
// and every step that was taken is worked on. Then what must be refused is
// refused, and what was moved moves back.
func TestReplaceEMR(t *testing.T) {
	e := newEMRCloud(t)
	blue := e.active(t)
	if o := e.overview(t, 0); o.Advice != clusters.Nothing || o.Clusters[0].Health.PrimaryMemory == nil {
		t.Errorf("the first cluster: %+v", o)
	}
	client := newSubmitter(t, e.cloud)
	began := time.Now()
	for _, step := range clusters.Steps(false) {
		says := "" // where Terraform works, infra is killed in the middle of that
		if step == clusters.Create || step == clusters.Flip || step == clusters.Drop {
			says = ": applying"
		}
		e.killedAt(t, step, says, moving("replace"))
		if o := e.overview(t, 1); o.Advice != clusters.Continue || o.Next != "infra emr replace cloud" {
			t.Errorf("after a kill in %s the advice is %s: %s", step, o.Advice, o.Next)
		}
	}
	out, _ := e.run(t, 0, moving("replace", "--output", "json")...)
	var done clusters.Done
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Move.Step != clusters.Over || done.Active != "green" || len(done.Clusters) != 1 {
		t.Errorf("it ended with %s, %v", out, err)
	}
	tellEMR("replaced after %d kills in %s", len(clusters.Steps(false)), time.Since(began).Round(time.Second))
	green := e.active(t)
	if counts := client.judge(t); green == blue || counts[blue] == 0 || counts[green] == 0 {
		t.Errorf("submissions by cluster: %v, the pointer leads from %s to %s", counts, blue, green)
	}
	if state := e.state(t, blue); !strings.HasPrefix(state, "TERMINAT") {
		t.Errorf("the old cluster is %s", state)
	}
	e.unchanged(t)
	e.overview(t, 0)
	e.run(t, 3, moving("rollback")...)
	t.Run("refused", func(t *testing.T) { e.refuses(t, green) })
	t.Run("back", func(t *testing.T) { e.goesBack(t, green) })
}

// refuses what would lose data or support.
func (e *emrCloud) refuses(t *testing.T, green string) {
	e.settings(t, "release: emr-7.5.0")
	if _, said := e.run(t, 3, moving("replace")...); !strings.Contains(said, "standard support of emr-7.5.0 ended on 2026-11-20") || !strings.Contains(said, "allow_unsupported") {
		t.Errorf("of a release without support it says:\n%s", said)
	}
	e.settings(t, "")
	step, err := submit(t.Context(), e.emr, green, "writes to HDFS", "hdfs", "dfs", "-touchz", "/user/somebody/table/part-0")
	if err != nil {
		t.Fatal(err)
	}
	stepEnd(t, e.emr, green, step)
	if _, said := e.run(t, 3, moving("replace")...); !strings.Contains(said, "/user/somebody/table: 1 file, 1024 B") || !strings.Contains(said, "--discard-hdfs") {
		t.Errorf("of data in HDFS it says:\n%s", said)
	}
	if _, err := submit(t.Context(), e.emr, green, "cleans up", "hdfs", "dfs", "-rm", "-r", "/user/somebody"); err != nil {
		t.Fatal(err)
	}
}

// goesBack replaces the cluster by one of a newer release, stops before the
// drop, and moves back under a client that submits steps.
func (e *emrCloud) goesBack(t *testing.T, green string) {
	e.settings(t, "release: emr-7.14.0, primary_instance_type: m6i.2xlarge")
	// A cluster stays what it was made as, and somebody is told.
	if _, said := e.run(t, 0, "plan", "cloud", "--product", "pipeline"); !strings.Contains(said, "EMR: green stays as it is: it has emr-7.13.0, the environment wants emr-7.14.0; infra emr replace cloud makes it so") {
		t.Errorf("plan says:\n%s", said)
	}
	o := e.overview(t, 1)
	if text := strings.Join(o.Reasons, "; "); !strings.Contains(text, "it has emr-7.13.0, the environment wants emr-7.14.0") || !strings.Contains(text, "m6i.2xlarge") {
		t.Errorf("the advice is %s: %s", o.Advice, text)
	}
	client := newSubmitter(t, e.cloud)
	e.run(t, 0, moving("replace", "--keep")...)
	blue := e.active(t)
	if o := e.overview(t, 1); blue == green || o.Clusters[0].Release != "emr-7.14.0" || o.Advice != clusters.Continue {
		t.Errorf("after the replacement: %+v", o)
	}
	e.unchanged(t)
	for _, step := range clusters.Steps(true) {
		e.killedAt(t, step, "", moving("rollback"))
	}
	e.run(t, 0, moving("rollback")...)
	if now := e.active(t); now != green {
		t.Errorf("the pointer leads to %s, not back to %s", now, green)
	}
	if counts := client.judge(t); counts[blue] == 0 || counts[green] == 0 {
		t.Errorf("submissions by cluster: %v", counts)
	}
	if state := e.state(t, blue); !strings.HasPrefix(state, "TERMINAT") {
		t.Errorf("the cluster that was left is %s", state)
	}
	e.unchanged(t)
}
