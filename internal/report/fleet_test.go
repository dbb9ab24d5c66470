package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/report"
)

func someFleet() (*fleet.Rollout, time.Time) {
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	return &fleet.Rollout{
		Schema: fleet.Schema, ID: "20261128T120000Z-1f2e3d", Started: began, Policy: fleet.Policy{MaxFailures: 1},
		Environments: []fleet.Environment{
			{Name: "acme", State: fleet.Done, Begun: began, Ended: began.Add(time.Minute), Outcome: fleet.Outcome{Applied: 3}},
			{Name: "bolt", Wave: 1, State: fleet.Failed, Begun: began, Ended: began.Add(time.Minute), Outcome: fleet.Outcome{Exit: fault.Refused, Error: "refused:\nfor a reason", Hint: "infra plan bolt"}},
			{Name: "cake", Wave: 1, State: fleet.Running, Begun: began.Add(time.Minute)},
			{Name: "dove", Wave: 2, State: fleet.Waiting, Maintenance: []string{"sat 22:00-23:00 UTC"}},
			{Name: "echo", Wave: 2, State: fleet.Waiting},
		},
	}, began.Add(2 * time.Minute)
}

func TestFleetTable(t *testing.T) {
	r, now := someFleet()
	doing := func(name string) string { return "pipeline/" + name + ": applying" }
	want := `  ENVIRONMENT  WAVE    STATE     TIME   NOTE
  acme         canary  done      1m00s  3 resources applied
  bolt         1       failed    1m00s  refused:
  cake         1       running   1m00s  pipeline/cake: applying
  dove         2       deferred  -      window opens Sat 2026-11-28 22:00 UTC
  echo         2       waiting   -      -
roll-out 20261128T120000Z-1f2e3d: 1 done, 1 running, 1 failed, 1 waiting, 1 deferred of 5, 2m00s`
	if got := report.FleetTable(r, now, doing, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	live := strings.Split(report.FleetTable(r, now, doing, true), "\n")
	if !strings.Contains(live[1], "cake") || !strings.Contains(live[2], "bolt") || !strings.Contains(live[5], "acme") {
		t.Errorf("what runs stands first where there may be no room:\n%s", strings.Join(live, "\n"))
	}
	if got := report.FleetFailures(r); got != "  bolt: refused:\n    for a reason\n    next: infra plan bolt\n" {
		t.Errorf("failures: %q", got)
	}
	r.Policy.MaxFailures = 0
	if got := report.FleetSummary(r, now); !strings.HasSuffix(got, "; stopped: 1 failed, and 0 may") {
		t.Errorf("summary: %s", got)
	}
}

func TestFleetDocument(t *testing.T) {
	r, now := someFleet()
	data, err := json.Marshal(report.Fleet(r, now))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema       string
		Rollout      string
		Counts       map[string]int
		Exit         int
		Environments []struct{ Environment, State, Error string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != "infra/fleet/v1" || doc.Rollout != r.ID || doc.Exit != int(fault.Interrupted) || doc.Counts["deferred"] != 1 || doc.Environments[1].Error == "" {
		t.Errorf("%+v", doc)
	}
}

func TestFleetPlans(t *testing.T) {
	plan := func(name string, differences bool, changes ...report.Change) report.FleetPlan {
		p := report.FleetPlan{Environment: name, Counts: map[string]int{}}
		p.Fill(report.PlanDocument{Environment: name, Differences: differences, Stacks: []report.StackPlan{{Stack: "pipeline/" + name, Changes: changes}}})
		return p
	}
	plans := []report.FleetPlan{
		plan("acme", false),
		plan("bolt", true, report.Change{Action: "create"}, report.Change{Action: "create"}, report.Change{Action: "delete"}),
	}
	doc := report.FleetPlans(plans)
	if doc.Code() != fault.Differences || doc.Failed {
		t.Errorf("exit %d", doc.Code())
	}
	refused := plan("cake", true, report.Change{Action: "replace"})
	refused.Error = &report.Problem{Code: fault.Refused, Message: "it would replace a volume"}
	if doc = report.FleetPlans(append(plans, refused)); doc.Code() != fault.Refused || !doc.Failed {
		t.Errorf("exit %d", doc.Code())
	}
	want := `  ENVIRONMENT  DESTROY  REPLACE  CHANGE  CREATE  NOTE
  acme         -        -        -       -       no changes
  bolt         1        -        -       2       -
  cake         -        1        -       -       error: it would replace a volume
`
	if got := report.FleetPlanText(doc); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
