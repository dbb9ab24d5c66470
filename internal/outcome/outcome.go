// Package outcome is what a run, a drill or a look for drift came to, as those
// want to know it who did not watch: the monitoring, and whoever is notified.
package outcome

import (
	"fmt"
	"time"

	"infra/internal/fault"
)

// Schema is the version of an Outcome's JSON.
const Schema = "infra/outcome/v1"

// Kind is what was done.
type Kind string

// The kinds.
const (
	Run   Kind = "run"   // something may have been changed
	Drill Kind = "drill" // something was broken on purpose
	Drift Kind = "drift" // it was only looked
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Run, Drill, Drift} }

// Result is how it ended, in a word.
type Result string

// The results.
const (
	Done          Result = "done"
	Failed        Result = "failed"
	Hosts         Result = "hosts-failed" // the machines are there, what runs on them is not as it should be
	Refused       Result = "refused"
	Locked        Result = "locked"
	Interrupted   Result = "interrupted"
	StateNotSaved Result = "state-not-saved"
	Drifted       Result = "drift" // differences were found
)

// Results are all of them.
func Results() []Result {
	return []Result{Done, Failed, Hosts, Refused, Locked, Interrupted, StateNotSaved, Drifted}
}

// ResultOf is the word for an exit code.
func ResultOf(code fault.Code) Result {
	switch code {
	case fault.OK:
		return Done
	case fault.Differences:
		return Drifted
	case fault.Hosts:
		return Hosts
	case fault.Refused, fault.Usage:
		return Refused
	case fault.Locked:
		return Locked
	case fault.Interrupted:
		return Interrupted
	case fault.StateNotSaved:
		return StateNotSaved
	default:
		return Failed
	}
}

// Outcome holds no secret.
type Outcome struct {
	Schema      string     `json:"schema"`
	Kind        Kind       `json:"kind"`
	Environment string     `json:"environment"`
	Verb        string     `json:"verb"`          // "apply", "pg drill"
	Run         string     `json:"run,omitempty"` // its id, in the ledger where something was changed
	Result      Result     `json:"result"`
	Exit        fault.Code `json:"exit"`
	Error       string     `json:"error,omitempty"`
	Next        string     `json:"next,omitempty"` // what to type
	Who         string     `json:"who,omitempty"`
	Commit      string     `json:"commit,omitempty"`
	Started     time.Time  `json:"started"`
	Ended       time.Time  `json:"ended"`
	Stacks      []Stack    `json:"stacks"`
	Hosts       []Host     `json:"hosts"`
	Findings    int        `json:"findings"` // that count as drift
	Phases      []Phase    `json:"phases"`
}

// Stack is what was done to one stack.
type Stack struct {
	Stack   string `json:"stack"`
	Applied int    `json:"applied"` // resources
	Result  string `json:"result"`
}

// Host is what was done to one host.
type Host struct {
	Name   string `json:"name"`
	Result string `json:"result"`
}

// Phase is how long a kind of work took; what goes side by side counts each for
// itself.
type Phase struct {
	Phase   string  `json:"phase"`
	Seconds float64 `json:"seconds"`
}

// OK tells whether all is well.
func (o Outcome) OK() bool { return o.Result == Done }

// Took is how long it was at work.
func (o Outcome) Took() time.Duration { return o.Ended.Sub(o.Started) }

// Changes is how many resources were applied.
func (o Outcome) Changes() int {
	n := 0
	for _, s := range o.Stacks {
		n += s.Applied
	}
	return n
}

// Title is the outcome in a few words.
func (o Outcome) Title() string {
	subject := o.Verb + " of " + o.Environment
	switch {
	case o.Kind == Drift && o.Result == Done:
		return o.Environment + " is as the code says"
	case o.Kind == Drift && o.Result == Drifted:
		return fmt.Sprintf("%s has drifted: %s", o.Environment, count(o.Findings, "difference"))
	case o.Kind == Drill && o.Result == Done:
		return subject + ": passed"
	case o.Result == Hosts:
		return subject + ": hosts failed"
	case o.Result == StateNotSaved:
		return subject + ": state not saved"
	default:
		return subject + ": " + string(o.Result)
	}
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
