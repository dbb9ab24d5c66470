package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/git"
	"infra/internal/provision"
	"infra/internal/report"
)

// Task is one environment's turn in a roll-out.
type Task struct {
	Rollout     string   `json:"rollout"`
	Commit      string   `json:"commit"`
	Environment string   `json:"environment"`
	Protected   bool     `json:"protected"`
	Past        []string `json:"past,omitempty"`
	Plan        string   `json:"plan,omitempty"` // that was approved
	Arguments   []string `json:"arguments"`      // of infra apply, besides those that the roll-out gives
}

// TaskOf is the turn of an environment.
func TaskOf(r *fleet.Rollout, name string) Task {
	e := of(r, name)
	return Task{Rollout: r.ID, Commit: r.Commit, Environment: name, Arguments: r.Arguments, Protected: e.Protected, Past: slices.Clone(e.Past), Plan: e.Plan}
}

// How a turn waits for a run that somebody else has begun for it.
const (
	look     = 2 * time.Second
	patience = "3m" // for a lease: longer than a dead one lives
)

// ErrCommit says that the checkout is not that of the roll-out.
var ErrCommit = errors.New("the checkout is not that of the roll-out")

// Turn applies one environment, unless its ledger says that the roll-out has
// done so: then that is its outcome. A run of the roll-out that goes on is
// waited for, and one that was killed is recovered first. The error says that
// there was no turn: nothing was begun, or nobody knows yet how it ended. Where
// nobody else may have it, that is a Failure. When ctx ends it is none: the
// turn was interrupted, whatever it was at.
func (i Infra) Turn(ctx context.Context, t Task, logs string) (fleet.Outcome, error) {
	outcome, err := i.turn(ctx, t, logs)
	if err != nil && ctx.Err() != nil {
		return outcomeOf(Answer{Exit: fault.Interrupted}), nil //nolint:nilerr // that is the outcome
	}
	return outcome, err
}

func (i Infra) turn(ctx context.Context, t Task, logs string) (fleet.Outcome, error) {
	if err := i.sameCommit(ctx, t); err != nil {
		return fleet.Outcome{}, err
	}
	log := logOf(logs, t.Environment)
	for recovered := ""; ; {
		said, err := i.ledger(ctx, t)
		switch {
		case err != nil:
			return fleet.Outcome{}, err
		case said.alive != "":
			if err := sleep(ctx, look); err != nil {
				return fleet.Outcome{}, err
			}
		case said.unknown != "" && said.unknown == recovered:
			return outcomeOf(Answer{Exit: fault.Failed, Error: "run " + said.unknown + " is still open after it was recovered", Hint: "infra recover " + t.Environment}), nil
		case said.unknown != "":
			if recovered = said.unknown; !i.recover(ctx, t, log) {
				return unrecovered(ctx, t, recovered), nil
			}
		case said.settled:
			return said.outcome, nil
		default:
			return i.apply(ctx, t, log)
		}
	}
}

// sameCommit refuses to apply other code than the roll-out's.
func (i Infra) sameCommit(ctx context.Context, t Task) error {
	facts, err := git.Look(ctx, i.Project, false)
	if err != nil {
		return err
	}
	if facts.Commit != t.Commit {
		host, _ := os.Hostname() // only for people
		return fault.New(fault.Refused, "apply "+t.Environment+" on "+host, fmt.Errorf("%w: it is at commit %s, the roll-out at %s", ErrCommit, short(facts.Commit), short(t.Commit)), "git checkout "+t.Commit)
	}
	return nil
}

func short(commit string) string {
	if commit == "" {
		return "none"
	}
	return commit[:min(12, len(commit))]
}

// ledger asks what the roll-out has done with the environment so far.
func (i Infra) ledger(ctx context.Context, t Task) (verdict, error) {
	p, err := provision.Connect(ctx, i.Project, t.Environment, quiet())
	if err != nil {
		return verdict{}, err
	}
	records, err := p.Runs().OfRollout(ctx, t.Rollout)
	return judge(records, t.Past), err
}

// quiet is a console that nobody listens to.
func quiet() *console.Console {
	return console.New(strings.NewReader(""), io.Discard, io.Discard, console.Options{Quiet: true})
}

// approved are the flags that stand for what was approved for all.
func (t Task) approved() []string {
	if t.Protected {
		return []string{"--confirm", t.Environment}
	}
	return []string{"--auto-approve"}
}

// what is what is applied: exactly the plan that was approved, where there is
// one. What it is a plan of, it says itself.
func (t Task) what() []string {
	if t.Plan == "" {
		return t.Arguments
	}
	args := []string{"--plan", t.Plan}
	for flag := range slices.Chunk(t.Arguments, 2) { // each has a value
		if flag[0] == "--parallelism" {
			args = append(args, flag...)
		}
	}
	return args
}

func (i Infra) apply(ctx context.Context, t Task, log string) (fleet.Outcome, error) {
	args := slices.Concat([]string{"apply", t.Environment, "--rollout", t.Rollout, "--lock-timeout", patience}, t.approved(), t.what())
	answer, err := i.Call(ctx, log, args...)
	if err != nil {
		return fleet.Outcome{}, err
	}
	o := outcomeOf(answer)
	if answer.Exit == fault.Refused && t.Plan != "" {
		o.Hint = "infra fleet resume " + t.Rollout + " --retry-failed, which plans it anew and asks"
	}
	if answer.Exit == fault.OK {
		var doc report.RunDocument
		if err := json.Unmarshal(answer.Out, &doc); err != nil {
			return o, fault.New(fault.Failed, "read what infra apply "+t.Environment+" says", err, "less "+log)
		}
		o.Run = doc.Run
		for _, s := range doc.Stacks {
			o.Applied += s.Applied
		}
		return o, nil
	}
	// Which run it was is in the ledger, unless it ended before it had one.
	if said, err := i.ledger(context.WithoutCancel(ctx), t); err == nil && said.settled {
		o.Run, o.Applied = said.outcome.Run, said.outcome.Applied
	}
	return o, nil
}

func outcomeOf(a Answer) fleet.Outcome {
	host, _ := os.Hostname() // only for people
	return fleet.Outcome{Exit: a.Exit, Error: a.Error, Hint: a.Hint, Worker: host}
}

// recover closes a run of the roll-out that was killed; false when a person
// has to look at what it has left.
func (i Infra) recover(ctx context.Context, t Task, log string) bool {
	args := slices.Concat([]string{"recover", t.Environment, "--lock-timeout", patience}, t.approved())
	answer, err := i.Call(ctx, log, args...)
	var doc report.RecoveryDocument
	if err == nil && answer.Exit == fault.OK {
		err = json.Unmarshal(answer.Out, &doc)
	}
	return err == nil && answer.Exit == fault.OK && len(doc.Orphans) == 0
}

// unrecovered is the outcome of an environment in which a killed run has left
// something that no state knows, or that could not be recovered.
func unrecovered(ctx context.Context, t Task, dead string) fleet.Outcome {
	if ctx.Err() != nil {
		return outcomeOf(Answer{Exit: fault.Interrupted})
	}
	o := outcomeOf(Answer{
		Exit:  fault.Failed,
		Error: "run " + dead + " was killed; it could not be recovered, or has left what no state knows",
		Hint:  fmt.Sprintf("infra recover %s; infra runs %[1]s, for what is left; then infra fleet resume %s --retry-failed", t.Environment, t.Rollout),
	})
	o.Run = dead
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
