// Package install is how a customer's environment is installed and taken away
// again: the phases, and the record of them beside the ledger, by which the
// same command goes on after an interruption, on any machine. It is pure; who
// acts writes the record down before a phase begins and after it has ended.
package install

import (
	"slices"
	"time"
)

// RecordSchema is the version of a Record's JSON.
const RecordSchema = "infra/install-record/v1"

// DocumentName is the record's name beside the ledger.
const DocumentName = "install"

// Phase is a part of an installation.
type Phase string

// The phases in their order.
const (
	Preflight  Phase = "preflight"  // the account can take it
	Bootstrap  Phase = "bootstrap"  // the state bucket is there
	Apply      Phase = "apply"      // the machines are made
	Configure  Phase = "configure"  // they do their work
	Acceptance Phase = "acceptance" // it was asked of everything whether it is well
)

// Phases are all of them, in their order.
func Phases() []Phase { return []Phase{Preflight, Bootstrap, Apply, Configure, Acceptance} }

// Record is how far an installation, or its end, got. It holds no secret.
type Record struct {
	Schema      string        `json:"schema"`
	Environment string        `json:"environment"`
	Began       time.Time     `json:"began"`
	Accepted    time.Time     `json:"accepted,omitzero"` // for the first time
	Phases      []PhaseRecord `json:"phases"`            // in the order in which they were first begun
	Removal     *Removal      `json:"removal,omitempty"`
}

// PhaseRecord is one phase: its last attempt, and how many there were.
type PhaseRecord struct {
	Phase    Phase     `json:"phase"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"` // zero: it goes on, or was interrupted
	Result   string    `json:"result"`         // "done" or "failed"; empty while it goes on
	Attempts int       `json:"attempts"`
}

// Took is how long the last attempt took; zero when it never ended.
func (p PhaseRecord) Took() time.Duration {
	if p.Ended.IsZero() {
		return 0
	}
	return p.Ended.Sub(p.Began)
}

// Removal is how far the end of an environment got. Once its stacks are
// destroyed, what is beside them goes too, the record last.
type Removal struct {
	Began     time.Time `json:"began"`
	Destroyed time.Time `json:"destroyed,omitzero"` // from here on there are no states to go by
}

// NewRecord begins a record.
func NewRecord(environment string, now time.Time) *Record {
	return &Record{Schema: RecordSchema, Environment: environment, Began: now.UTC(), Phases: []PhaseRecord{}}
}

// Begin notes that a phase begins, once more if it was begun before.
func (r *Record) Begin(phase Phase, now time.Time) {
	p := r.of(phase)
	p.Began, p.Ended, p.Result = now.UTC(), time.Time{}, ""
	p.Attempts++
}

// End notes how the phase ended that was begun.
func (r *Record) End(phase Phase, now time.Time, done bool) {
	p := r.of(phase)
	p.Ended, p.Result = now.UTC(), "failed"
	if !done {
		return
	}
	p.Result = "done"
	if phase == Acceptance && r.Accepted.IsZero() {
		r.Accepted = p.Ended
	}
}

func (r *Record) of(phase Phase) *PhaseRecord {
	i := slices.IndexFunc(r.Phases, func(p PhaseRecord) bool { return p.Phase == phase })
	if i < 0 {
		r.Phases = append(r.Phases, PhaseRecord{Phase: phase})
		i = len(r.Phases) - 1
	}
	return &r.Phases[i]
}

// Interrupted is the phase that was begun and never ended; empty when there is
// none.
func (r *Record) Interrupted() Phase {
	for _, p := range slices.Backward(r.Phases) {
		if p.Result == "" {
			return p.Phase
		}
	}
	return ""
}

// Done tells whether a phase's last attempt was.
func (r *Record) Done(phase Phase) bool {
	return slices.ContainsFunc(r.Phases, func(p PhaseRecord) bool { return p.Phase == phase && p.Result == "done" })
}
