// Package temporal carries a roll-out out as a durable workflow, where one
// machine is not enough: Temporal remembers how far it is, and any number of
// workers apply one environment after the other. What is next is decided by
// package fleet, as on one machine; that nothing is applied twice, whatever is
// killed or restarted, is owed to the environments' leases and ledgers, which
// every turn asks first. It is the only importer of go.temporal.io.
package temporal

import (
	"time"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"infra/internal/fleet"
	"infra/internal/rollout"
)

// The names by which starter, server and workers know each other's parts.
const (
	workflowName = "infra-fleet"
	activityName = "infra-apply"
	statusQuery  = "status"
	pauseSignal  = "pause" // with true, or with false to go on
)

// How long a turn may take, and how soon a worker that says nothing any more is
// taken for dead and its turn given to another.
const (
	turnLimit = 24 * time.Hour
	deadAfter = 30 * time.Second
	beatEvery = 5 * time.Second
)

// Rollout is the workflow. It has no clock and no chance of its own, so that it
// comes to the same decisions when it is played again from its history.
func Rollout(ctx workflow.Context, r fleet.Rollout) (fleet.Rollout, error) {
	if err := workflow.SetQueryHandler(ctx, statusQuery, func() (fleet.Rollout, error) { return r, nil }); err != nil {
		return r, err
	}
	events := workflow.NewSelector(ctx)
	events.AddReceive(workflow.GetSignalChannel(ctx, pauseSignal), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &r.Paused) })
	events.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}) // also while it is paused
	var armed time.Time
	for {
		step := r.Next(workflow.Now(ctx))
		if step.Over {
			r.Ended = workflow.Now(ctx).UTC()
			return r, nil
		}
		for _, name := range step.Start {
			if err := begin(ctx, &r, name, events); err != nil {
				return r, err
			}
		}
		if !step.Wake.IsZero() && !step.Wake.Equal(armed) { // one timer a window; an old one only lets us look again
			armed = step.Wake
			events.AddFuture(workflow.NewTimer(ctx, armed.Sub(workflow.Now(ctx))), func(workflow.Future) {})
		}
		events.Select(ctx)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
	}
}

// begin gives an environment's turn to a worker.
func begin(ctx workflow.Context, r *fleet.Rollout, name string, events workflow.Selector) error {
	if err := r.Begin(name, workflow.Now(ctx)); err != nil {
		return err
	}
	turn := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          name,
		StartToCloseTimeout: turnLimit,
		HeartbeatTimeout:    deadAfter,
		// A turn is tried until there was one: how it ended is no error.
		RetryPolicy: &sdk.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: deadAfter},
	}), activityName, rollout.TaskOf(r, name))
	events.AddFuture(turn, func(f workflow.Future) {
		var outcome fleet.Outcome
		err := f.Get(ctx, &outcome)
		if ctx.Err() != nil { // the roll-out was cancelled: how its turns end, the ledgers will tell
			return
		}
		if err != nil {
			outcome = rollout.Failure(err)
		}
		if err := r.End(name, outcome, workflow.Now(ctx)); err != nil {
			panic(err) // it has begun, and ends once
		}
	})
	return nil
}
