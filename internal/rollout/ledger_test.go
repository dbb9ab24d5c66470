package rollout

import (
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/run"
)

func TestJudge(t *testing.T) {
	ended := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	of := func(id string, result run.Result) run.Record {
		return run.Record{Run: id, Verb: "apply", Result: result, Ended: ended, Stacks: []run.StackRecord{{Applied: 2}, {Applied: 1}}}
	}
	dead := of("r1", run.Failed)
	dead.Ended = time.Time{} // it died before it changed anything
	repair := of("r2", run.Done)
	repair.Verb = "recover"
	late := of("r3", run.Done)
	late.Stacks = nil // it found the work done
	for _, c := range []struct {
		name    string
		records []run.Record
		past    []string
		settled string // the run that settles it
		exit    fault.Code
		alive   string
		unknown string
	}{
		{name: "nothing yet"},
		{name: "done", records: []run.Record{of("r1", run.Done)}, settled: "r1"},
		{name: "failed", records: []run.Record{of("r1", run.Failed)}, settled: "r1", exit: fault.Failed},
		{name: "refused", records: []run.Record{of("r1", run.Refused)}, settled: "r1", exit: fault.Refused},
		{name: "state not saved", records: []run.Record{of("r1", run.StateNotSaved)}, settled: "r1", exit: fault.StateNotSaved},
		{name: "it goes on", records: []run.Record{of("r1", run.Running)}, alive: "r1"},
		{name: "killed", records: []run.Record{of("r1", run.Unknown)}, unknown: "r1"},
		{name: "killed and recovered", records: []run.Record{of("r1", run.Recovered), repair}},
		{name: "interrupted", records: []run.Record{of("r1", run.Interrupted)}},
		{name: "dead before its first change", records: []run.Record{dead}},
		{name: "a failure that is being tried again", records: []run.Record{of("r1", run.Failed)}, past: []string{"r1"}},
		{name: "done after that", records: []run.Record{of("r1", run.Failed), of("r2", run.Done)}, past: []string{"r1"}, settled: "r2"},
		{name: "done after it was interrupted", records: []run.Record{of("r1", run.Interrupted), of("r2", run.Done)}, settled: "r2"},
		{name: "two at once: the one that did it counts", records: []run.Record{of("r1", run.Done), late}, settled: "r1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(c.records, c.past)
			if v.settled != (c.settled != "") || v.outcome.Run != c.settled || v.outcome.Exit != c.exit || v.alive != c.alive || v.unknown != c.unknown {
				t.Errorf("%+v", v)
			}
			if v.settled && v.outcome.Applied != 3 {
				t.Errorf("%d applied", v.outcome.Applied)
			}
		})
	}
}
