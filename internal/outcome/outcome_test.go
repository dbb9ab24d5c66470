package outcome_test

import (
	"slices"
	"testing"

	"infra/internal/fault"
	"infra/internal/outcome"
)

// Every exit code has a word, and only that of success is OK.
func TestResultOf(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{fault.OK, fault.Failed, fault.Differences, fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved, fault.Usage, fault.Interrupted} {
		result := outcome.ResultOf(code)
		if !slices.Contains(outcome.Results(), result) {
			t.Errorf("%d is %q, which is no result", code, result)
		}
		if ok := (outcome.Outcome{Result: result}).OK(); ok != (code == fault.OK) {
			t.Errorf("exit code %d: OK is %v", code, ok)
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]outcome.Outcome{
		"apply of prod: done":            {Kind: outcome.Run, Verb: "apply", Result: outcome.Done},
		"apply of prod: hosts failed":    {Kind: outcome.Run, Verb: "apply", Result: outcome.Hosts},
		"pg drill of prod: passed":       {Kind: outcome.Drill, Verb: "pg drill", Result: outcome.Done},
		"pg drill of prod: failed":       {Kind: outcome.Drill, Verb: "pg drill", Result: outcome.Failed},
		"prod has drifted: 1 difference": {Kind: outcome.Drift, Verb: "drift", Result: outcome.Drifted, Findings: 1},
		"prod is as the code says":       {Kind: outcome.Drift, Verb: "drift", Result: outcome.Done},
		"ci drift of prod: refused":      {Kind: outcome.Drift, Verb: "ci drift", Result: outcome.Refused},
	} {
		o.Environment = "prod"
		if got := o.Title(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
