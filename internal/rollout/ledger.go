package rollout

import (
	"slices"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/run"
)

// verdict is what an environment's ledger says about a roll-out.
type verdict struct {
	settled bool          // the roll-out has finished with it: outcome
	alive   string        // this run goes on
	unknown string        // this run was killed in the middle and nobody has looked after it yet
	outcome fleet.Outcome // of the settled one
}

// judge decides by the runs that the ledger has of the roll-out, oldest first.
// Those of past do not count: they failed before it was tried again. A run that
// was interrupted, or that died before it changed anything, has finished
// nothing; one that was recovered has left it to the next.
func judge(records []run.Record, past []string) verdict {
	var v verdict
	for _, r := range records {
		switch {
		case slices.Contains(past, r.Run):
		case r.Verb != "apply":
		case r.Result == run.Running:
			v.alive = r.Run
		case r.Result == run.Unknown:
			v.unknown = r.Run
		case r.Result == run.Done, !r.Ended.IsZero() && (r.Result == run.Failed || r.Result == run.Refused || r.Result == run.StateNotSaved):
			// A run after one that was done has found that out and done nothing.
			if !v.settled || v.outcome.Exit != fault.OK {
				v.settled, v.outcome = true, outcome(r)
			}
		}
	}
	return v
}

// outcome is how a run that has ended counts. The ledger knows no exit codes,
// only kinds of ends.
func outcome(r run.Record) fleet.Outcome {
	o := fleet.Outcome{Run: r.Run, Error: r.Error, Worker: r.Host}
	for _, s := range r.Stacks {
		o.Applied += s.Applied
	}
	switch r.Result {
	case run.Done:
		o.Exit = fault.OK
	case run.Refused:
		o.Exit = fault.Refused
	case run.StateNotSaved:
		o.Exit = fault.StateNotSaved
	default:
		o.Exit = fault.Failed
	}
	return o
}
