//go:build endtoend

package report

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"infra/internal/drill"
	"infra/internal/history"
	"infra/internal/progress"
	"infra/internal/restore"
	"infra/internal/run"
	"infra/internal/zkdrill"
	"infra/internal/zookeeper"
)

// Pages are pages as large as they become, by name; that of an audit is in
// its own test.
func Pages(t *testing.T) map[string]Page {
	t.Helper()
	failed, events := ran()
	operation, deeds := failedOver()
	installed, err := Install(anInstallation(t))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Page{
		"run":              RunPage(largeRun()),
		"run-failed":       RunPage(NewRunReport(failed, events, ranAt)),
		"run-operation":    RunPage(NewRunReport(operation, deeds, ranAt)),
		"graph":            GraphPage(platformMap(t), ranAt),
		"verify":           VerifyPage(verified()),
		"drill-postgresql": DrillPage(drilled()),
		"drill-zookeeper":  EnsembleDrillPage(ensembleDrilled()),
		"drift":            DriftPage(driftExample()),
		"handover":         InstallPage(installed),
	}
}

// Mermaid is a whole platform for Mermaid.
func Mermaid(t *testing.T) string {
	t.Helper()
	return platformMap(t).Mermaid()
}

// largeRun is a first apply: 61 resources, and 9 hosts with 60 tasks each.
func largeRun() RunReport {
	at := func(s float64) time.Time { return ranAt.Add(time.Duration(s * float64(time.Second))) }
	const stack = "pipeline/prod"
	events := []progress.Event{
		{At: at(0), Kind: progress.RunBegan, Run: "20261129T080000Z-aaaaaa", Verb: "apply", Environment: "prod"},
		{At: at(1), Kind: progress.StepBegan, Stack: stack, Step: progress.Planning},
		{At: at(12), Kind: progress.StepEnded, Stack: stack, Step: progress.Planning, Result: progress.OK, Seconds: 11},
		{At: at(12), Kind: progress.StepBegan, Step: progress.Approving},
		{At: at(31), Kind: progress.StepEnded, Step: progress.Approving, Result: progress.OK, Seconds: 19},
		{At: at(32), Kind: progress.StepBegan, Stack: stack, Step: progress.Applying},
	}
	var planned []progress.Change
	for i := range 61 {
		layer := []string{"vpc", "zookeeper", "postgresql", "emr"}[i*4/61]
		address := fmt.Sprintf("module.%s.aws_resource_of_some_length.this[%q]", layer, fmt.Sprintf("eu-west-1%c-%d", 'a'+i%3, i))
		from := 33 + float64(i*4/61)*40 + float64(i%15)*1.5
		took := 2 + float64((i*37)%23)
		if i == 50 {
			address, took = "module.emr.aws_emr_cluster.this", 190
		}
		planned = append(planned, progress.Change{Address: address, Action: "create"})
		events = append(events,
			progress.Event{At: at(from), Kind: progress.ResourceBegan, Stack: stack, Address: address, Action: "create"},
			progress.Event{At: at(from + took), Kind: progress.ResourceEnded, Stack: stack, Address: address, Action: "create", Result: progress.OK, Seconds: took})
	}
	events = append(events,
		progress.Event{At: at(11.9), Kind: progress.Planned, Stack: stack, Changes: planned},
		progress.Event{At: at(370), Kind: progress.StepEnded, Stack: stack, Step: progress.Applying, Result: progress.OK, Seconds: 338},
		progress.Event{At: at(371), Kind: progress.StepBegan, Step: progress.Waiting},
		progress.Event{At: at(390), Kind: progress.StepEnded, Step: progress.Waiting, Result: progress.OK, Seconds: 19},
		progress.Event{At: at(391), Kind: progress.StepBegan, Step: progress.Configuring})
	record := run.Record{
		Run: "20261129T080000Z-aaaaaa", Verb: "apply", Environment: "prod", Who: "ada", Host: "desk", Caller: "arn:aws:sts::123456789012:assumed-role/infra-prod-apply/ada@example.org",
		Commit: "0123456789abcdef0123456789abcdef01234567", Started: at(0), Ended: at(540), Tools: map[string]string{"terraform": "1.11.4"}, Result: run.Done,
		Stacks: []run.StackRecord{{Stack: stack, Applied: 61, Result: "done", Plan: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", After: &run.Version{Serial: 4, VersionID: "3sL4kqtJlcpXroDTDmJ"}}},
	}
	for h := range 9 {
		name := fmt.Sprintf("zookeeper-%d", h+1)
		record.Hosts = append(record.Hosts, run.HostRecord{ID: fmt.Sprintf("i-0123456789abcde%02d", h), Name: name, Result: "20 changed"})
		now := 392.0
		for task := range 60 {
			took := 0.4 + float64((task*7+h)%5)*0.6 + float64(h%2)*0.4
			now += took
			result := progress.OK
			if task%3 == 0 {
				result = progress.Changed
			}
			events = append(events, progress.Event{At: at(now), Kind: progress.TaskEnded, Host: name, Task: fmt.Sprintf("zookeeper : Do the thing number %d", task), Result: result, Seconds: took})
		}
	}
	events = append(events,
		progress.Event{At: at(530), Kind: progress.StepEnded, Step: progress.Configuring, Result: progress.OK, Seconds: 139},
		progress.Event{At: at(535), Kind: progress.Health, Part: "zookeeper", Result: "healthy"},
		progress.Event{At: at(535), Kind: progress.Health, Part: "postgresql", Result: "degraded", Message: "postgresql-2 has no standby slot"},
		progress.Event{At: at(540), Kind: progress.RunEnded, Result: "done"})
	slices.SortStableFunc(events, func(a, b progress.Event) int { return cmp.Or(a.At.Compare(b.At)) })
	return NewRunReport(record, events, at(600))
}

func verified() *restore.Report {
	rto, rpo := 72.5, 1.2
	moment := ranAt
	r := &restore.Report{
		Environment: "prod", Run: "20261129T080000Z-bbbbbb", StartedAt: ranAt, EndedAt: ranAt.Add(3 * time.Minute), Passed: true, Backup: "20261129-010203F", BackupType: "full",
		BackupAt: &moment, RestoredTo: &moment, RTOSeconds: &rto, RPOSeconds: &rpo,
	}
	for _, name := range []string{"amcheck", "page checksums", "row counts", "extensions", "the newest heartbeat"} {
		r.Checks = append(r.Checks, restore.Check{Name: name, Passed: true, Detail: "1234567 rows in 89 tables, as the primary has them", Seconds: 3.25})
	}
	for _, name := range []string{"make a host", "restore", "replay", "check"} {
		r.Phases = append(r.Phases, restore.Phase{Name: name, Seconds: 21})
	}
	return r
}

func ensembleDrilled() zkdrill.Report {
	r := zkdrill.Report{
		Environment: "staging", Run: "20261129T080000Z-cccccc", Started: ranAt, Ended: ranAt.Add(9 * time.Minute), Servers: 5, Rounds: 1, KillMedian: 2.4, HangWorst: 9.1, Operations: 48211,
		Answers: []zkdrill.Answer{{Question: "How long is nothing written when the leader is killed?", Answer: "2.4 s in the median of three."}},
	}
	for i, name := range []string{"kill-leader", "hang-leader", "partition"} {
		result := zkdrill.Result{
			Name: name, Title: "the leader goes in its own way", Round: 1, Passed: i != 1, WriteGap: 2.4, GapLimit: 15, ClientGap: 3, Election: 1.9, Repaired: 12, Before: "zookeeper-3", After: "zookeeper-2",
			Counts: history.Counts{}, Struck: ranAt,
			Timeline: drill.Timeline{From: -5, To: 40, Marks: []drill.Mark{{At: 0, Label: "harm"}, {At: 2, Label: "zookeeper-2 leads"}}},
		}
		if i == 1 {
			result.Findings = []string{"nothing was written for 21 s"}
		}
		for s := range 5 {
			result.Timeline.Lanes = append(result.Timeline.Lanes, drill.Lane{Name: fmt.Sprintf("zookeeper-%d", s+1), Spans: []drill.Span{
				{From: -5, To: 0, Kind: zookeeper.Leader}, {From: 0, To: 2, Kind: zkdrill.Down}, {From: 2, To: 40, Kind: zookeeper.Follower},
			}})
		}
		r.Results = append(r.Results, result)
	}
	return r
}
