package temporal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/rollout"
)

// stopLimit is how long a worker that is to end waits for its turns: they are
// interrupted and save what is in flight.
const stopLimit = 30 * time.Minute

// Worker takes turns until ctx ends, so many at once, for the task queue that
// it was connected with.
func (c *Client) Worker(ctx context.Context, infra rollout.Infra, store rollout.Store, width int) error {
	w := worker.New(c.api, c.queue, worker.Options{
		MaxConcurrentActivityExecutionSize: width, WorkerStopTimeout: stopLimit, DisableRegistrationAliasing: true,
	})
	turns := turns{infra: infra, store: store}
	w.RegisterWorkflowWithOptions(Rollout, workflow.RegisterOptions{Name: workflowName})
	w.RegisterActivityWithOptions(turns.Apply, activity.RegisterOptions{Name: activityName})
	if err := w.Start(); err != nil {
		return c.explain("work for the task queue "+c.queue, err)
	}
	<-ctx.Done()
	w.Stop()
	return nil
}

// turns are what a worker does.
type turns struct {
	infra rollout.Infra
	store rollout.Store
}

// errStopped says that the worker ended in the middle of a turn: another one
// takes it.
var errStopped = errors.New("the worker was stopped; its run has saved everything")

// tries is how often workers begin a turn before what keeps them from it, such
// as a ledger that cannot be read, counts as failed, as it does on one machine:
// by the pauses of the retry policy a minute and a half.
const tries = 8

// Apply is the activity: one environment's turn. The error says that there was
// none, and lets Temporal give it to another worker: without end where this one
// is stopped or has another commit, which says nothing of the environment.
func (t turns) Apply(ctx context.Context, task rollout.Task) (fleet.Outcome, error) {
	outcome, err := t.take(ctx, task)
	switch {
	case errors.Is(err, rollout.ErrCommit):
		return outcome, sdk.NewApplicationError(fmt.Sprintf("%v; next: %s", err, fault.HintOf(err)), "commit")
	case err == nil && outcome.Exit == fault.Interrupted:
		return outcome, errStopped
	case err != nil && activity.GetInfo(ctx).Attempt >= tries:
		return rollout.Failure(err), nil
	default:
		return outcome, err
	}
}

// take takes the turn, and tells the server so while it goes on.
func (t turns) take(ctx context.Context, task rollout.Task) (fleet.Outcome, error) {
	logs := t.store.Dir(task.Rollout)
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return fleet.Outcome{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go t.beat(ctx, cancel, ended, t.store.Log(task.Rollout, task.Environment))
	return t.infra.Turn(ctx, task, logs)
}

// beat tells the server that the turn goes on, and what it is at; it ends the
// turn when the worker is stopped. A turn that the server no longer knows ends
// by its context.
func (t turns) beat(ctx context.Context, cancel func(), ended <-chan struct{}, log string) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	stop := activity.GetWorkerStopChannel(ctx)
	for {
		activity.RecordHeartbeat(ctx, rollout.Doing(log))
		select {
		case <-ended:
			return
		case <-stop:
			cancel()
			stop = nil // it is closed: go on until the run has saved itself
		case <-tick.C:
		}
	}
}
