// Package fleet decides in which order a change is rolled out over many
// environments, and when it has to stop. It is pure: it is told what became of
// the environments and what time it is, and says which ones are next. The same
// decisions are carried out on one machine and by a durable workflow.
//
//	canary   goes alone and first; when one of it fails, nothing else begins
//	waves    one begins when all of the one before have ended
//	budget   how many may fail; one more, and nothing else begins
//	windows  outside of its own an environment is deferred: it does not hold up its wave
//
// What has begun is never begun a second time, and what runs is never cut off.
package fleet

import (
	"fmt"
	"time"

	"infra/internal/fault"
)

// Schema is the version of a Rollout's JSON.
const Schema = "infra/fleet/v1"

// State is how far an environment is.
type State string

// The states of an environment.
const (
	Waiting     State = "waiting"     // nothing was done yet
	Running     State = "running"     // its run goes on, or nobody has said yet how it ended
	Done        State = "done"        // as the code says
	Failed      State = "failed"      // or refused; Error says why
	Interrupted State = "interrupted" // its run was stopped and has saved everything
)

// Environment is one environment of a roll-out.
type Environment struct {
	Name        string    `json:"environment"`
	File        string    `json:"file"` // relative to the project
	Wave        int       `json:"wave"` // 0: canary
	Protected   bool      `json:"protected,omitempty"`
	Plan        string    `json:"plan,omitempty"` // where the plan is kept that was approved: exactly it is applied
	Maintenance []string  `json:"maintenance,omitempty"`
	State       State     `json:"state"`
	Begun       time.Time `json:"begun,omitzero"`
	Ended       time.Time `json:"ended,omitzero"`
	Past        []string  `json:"past,omitempty"` // runs that failed before it was tried again
	Outcome
}

// Outcome is how an environment's run ended.
type Outcome struct {
	Run     string     `json:"run,omitempty"` // its id in the environment's ledger
	Exit    fault.Code `json:"exit"`
	Applied int        `json:"applied"` // resources
	Error   string     `json:"error,omitempty"`
	Hint    string     `json:"hint,omitempty"`
	Worker  string     `json:"worker,omitempty"` // the machine that it ran on
}

// Windows says what becomes of an environment outside of its maintenance
// windows.
type Windows string

// What may become of it.
const (
	Defer  Windows = "defer"  // it is passed over, and begun later if its window opens meanwhile
	Wait   Windows = "wait"   // its wave waits for it
	Ignore Windows = "ignore" // it is changed all the same
)

// Policy is what a roll-out keeps to.
type Policy struct {
	MaxFailures int     `json:"max_failures"`
	Parallel    int     `json:"parallel"` // environments at once; 0: no bound
	Windows     Windows `json:"windows"`
}

// Rollout is one change on its way through many environments.
type Rollout struct {
	Schema       string        `json:"schema"`
	ID           string        `json:"rollout"` // 20261122T083015Z-1f2e3d
	Commit       string        `json:"commit"`  // of the checkout, everywhere; empty outside of a repository
	Arguments    []string      `json:"arguments"`
	Started      time.Time     `json:"started"`
	Ended        time.Time     `json:"ended,omitzero"` // nobody works on it any more
	Cut          string        `json:"cut,omitempty"`  // why it ended before it was over
	Paused       bool          `json:"paused"`
	Planned      bool          `json:"planned,omitempty"` // nothing is applied but plans that were approved
	Policy       Policy        `json:"policy"`
	Environments []Environment `json:"environments"`
}

// find is the environment of that name.
func (r *Rollout) find(name string) (*Environment, error) {
	for i := range r.Environments {
		if r.Environments[i].Name == name {
			return &r.Environments[i], nil
		}
	}
	return nil, fmt.Errorf("the roll-out has no environment %s", name)
}

// Begin notes that an environment's run begins.
func (r *Rollout) Begin(name string, now time.Time) error {
	e, err := r.find(name)
	if err != nil {
		return err
	}
	if e.State != Waiting {
		return fmt.Errorf("%s is %s and cannot begin", name, e.State)
	}
	e.State, e.Begun, e.Ended, e.Outcome = Running, now.UTC(), time.Time{}, Outcome{}
	return nil
}

// End notes how it ended.
func (r *Rollout) End(name string, outcome Outcome, now time.Time) error {
	e, err := r.find(name)
	if err != nil {
		return err
	}
	if e.State != Running {
		return fmt.Errorf("%s is %s and cannot end", name, e.State)
	}
	e.Ended, e.Outcome = now.UTC(), outcome
	switch outcome.Exit {
	case fault.OK:
		e.State = Done
	case fault.Interrupted:
		e.State = Interrupted
	default:
		e.State = Failed
	}
	return nil
}

// Unapproved are the environments that wait for the approval of their plan.
func (r *Rollout) Unapproved() []string {
	var names []string
	for _, e := range r.Environments {
		if r.Planned && e.State == Waiting && e.Plan == "" {
			names = append(names, e.Name)
		}
	}
	return names
}

// Approve notes which plan of an environment was approved.
func (r *Rollout) Approve(name, plan string) error {
	e, err := r.find(name)
	if err != nil {
		return err
	}
	if e.State != Waiting || e.Plan != "" {
		return fmt.Errorf("%s is %s and has the plan %q", name, e.State, e.Plan)
	}
	e.Plan = plan
	return nil
}

// Refuse notes that an environment cannot even begin, and why.
func (r *Rollout) Refuse(name string, why Outcome, now time.Time) error {
	if err := r.Begin(name, now); err != nil {
		return err
	}
	return r.End(name, why, now)
}

// Again makes a roll-out that nobody works on any more ready to go on. What
// was interrupted, and what runs as far as the record knows, is waiting again:
// whoever begins it asks the ledger first. With failed, so is what has failed.
// The plan of what was interrupted or has failed was begun, so that its state
// may have moved on: what is left is to be approved anew.
func (r *Rollout) Again(failed bool) {
	r.Ended, r.Cut, r.Paused = time.Time{}, "", false
	for i := range r.Environments {
		e := &r.Environments[i]
		switch e.State {
		case Running:
			e.State = Waiting
		case Interrupted:
			e.State, e.Plan = Waiting, ""
		case Failed:
			if !failed {
				continue
			}
			if e.State = Waiting; e.Run != "" {
				e.Past = append(e.Past, e.Run)
			}
			e.Outcome, e.Ended, e.Plan = Outcome{}, time.Time{}, ""
		}
	}
}

// Count is how many environments are in a state.
func (r *Rollout) Count(state State) int {
	n := 0
	for _, e := range r.Environments {
		if e.State == state {
			n++
		}
	}
	return n
}

// Code is the exit code of a roll-out: that of the failures where they are all
// the same, Refused where something has not begun.
func (r *Rollout) Code() fault.Code {
	code := fault.OK
	for _, e := range r.Environments {
		switch {
		case e.State != Failed:
		case code == fault.OK, code == e.Exit:
			code = e.Exit
		default:
			code = fault.Failed
		}
	}
	switch {
	case r.Count(Interrupted) > 0 || r.Count(Running) > 0:
		return fault.Interrupted
	case code == fault.OK && r.Count(Waiting) > 0:
		return fault.Refused
	default:
		return code
	}
}
