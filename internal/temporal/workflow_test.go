package temporal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/rollout"
)

// played is a workflow in the SDK's test environment. Its clock leaps over
// waits; its turns end as ends says, in the order in which they began.
type played struct {
	*testsuite.TestWorkflowEnvironment
	mu    sync.Mutex
	order []string
	ends  func(name string, try int) (fleet.Outcome, error)
}

func play(t *testing.T, ends func(name string, try int) (fleet.Outcome, error)) *played {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	p := &played{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), ends: ends}
	p.SetStartTime(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)) // a Saturday
	p.SetTestTimeout(time.Minute)
	p.RegisterWorkflowWithOptions(Rollout, workflow.RegisterOptions{Name: workflowName})
	p.RegisterActivityWithOptions(p.apply, activity.RegisterOptions{Name: activityName})
	return p
}

func (p *played) apply(_ context.Context, task rollout.Task) (fleet.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = append(p.order, task.Environment)
	try := 0
	for _, name := range p.order {
		if name == task.Environment {
			try++
		}
	}
	return p.ends(task.Environment, try)
}

func (p *played) result(t *testing.T) (r fleet.Rollout, states string) {
	t.Helper()
	if err := p.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := p.GetWorkflowResult(&r); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range r.Environments {
		words = append(words, e.Name+":"+r.Word(e, r.Ended))
	}
	return r, strings.Join(words, " ")
}

func done(string, int) (fleet.Outcome, error) { return fleet.Outcome{Run: "r"}, nil }

// arranged are environments in waves: a canary, then two each.
func arranged(t *testing.T, policy fleet.Policy, names ...string) fleet.Rollout {
	t.Helper()
	r := fleet.Rollout{ID: "20261128T120000Z-000000", Policy: policy}
	for _, name := range names {
		r.Environments = append(r.Environments, fleet.Environment{Name: name})
	}
	if _, err := fleet.Arrange(r.Environments, fleet.Order{Canary: []string{"1"}, Wave: 2}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWavesGoInOrder(t *testing.T) {
	p := play(t, done)
	p.ExecuteWorkflow(workflowName, arranged(t, fleet.Policy{}, "a", "b", "c", "d", "e"))
	r, states := p.result(t)
	if states != "a:done b:done c:done d:done e:done" || r.Ended.IsZero() {
		t.Errorf("%s", states)
	}
	if len(p.order) != 5 || p.order[0] != "a" || slices.Index(p.order, "d") < 3 || slices.Index(p.order, "e") < 3 {
		t.Errorf("order: %v", p.order)
	}
}

func TestTheBudgetStopsTheRest(t *testing.T) {
	p := play(t, func(name string, _ int) (fleet.Outcome, error) {
		if name == "b" {
			return fleet.Outcome{Exit: fault.Failed, Error: "it broke"}, nil
		}
		return fleet.Outcome{}, nil
	})
	p.ExecuteWorkflow(workflowName, arranged(t, fleet.Policy{}, "a", "b", "c", "d"))
	if r, states := p.result(t); states != "a:done b:failed c:done d:not begun" || r.Environments[1].Error != "it broke" {
		t.Errorf("%s", states)
	}
}

// A worker that dies, or that has another commit, gives its turn to the next:
// the workflow does not see it.
func TestATurnIsTriedUntilThereWasOne(t *testing.T) {
	p := play(t, func(name string, try int) (fleet.Outcome, error) {
		if name == "a" && try < 3 {
			return fleet.Outcome{}, errors.New("the worker was stopped")
		}
		return fleet.Outcome{}, nil
	})
	p.ExecuteWorkflow(workflowName, arranged(t, fleet.Policy{}, "a", "b"))
	if _, states := p.result(t); states != "a:done b:done" || strings.Join(p.order, " ") != "a a a b" {
		t.Errorf("%s, order %v", states, p.order)
	}
}

func TestPauseAndStatus(t *testing.T) {
	p := play(t, done)
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(pauseSignal, true) }, 0)
	p.RegisterDelayedCallback(func() {
		var r fleet.Rollout
		answer, err := p.QueryWorkflow(statusQuery)
		if err == nil {
			err = answer.Get(&r)
		}
		if err != nil || !r.Paused || r.Count(fleet.Waiting) == 0 {
			t.Errorf("status: %+v, %v", r, err)
		}
		p.SignalWorkflow(pauseSignal, false)
	}, time.Hour)
	p.ExecuteWorkflow(workflowName, arranged(t, fleet.Policy{}, "a", "b", "c", "d"))
	if r, states := p.result(t); states != "a:done b:done c:done d:done" || r.Paused {
		t.Errorf("%s", states)
	}
	if took := p.Now().Sub(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)); took < time.Hour {
		t.Errorf("it did not wait: %s", took)
	}
}

// What Temporal is told to cancel ends, also while it is paused, and counts
// nothing as failed: what runs has its say in the ledger.
func TestCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		paused bool
		ends   func(string, int) (fleet.Outcome, error)
		want   string
	}{
		"paused":         {true, done, "done waiting waiting"},
		"a turn goes on": {false, func(string, int) (fleet.Outcome, error) { return fleet.Outcome{}, errStopped }, "running waiting waiting"},
	} {
		p := play(t, c.ends)
		if c.paused {
			p.RegisterDelayedCallback(func() { p.SignalWorkflow(pauseSignal, true) }, 0)
		}
		p.RegisterDelayedCallback(p.CancelWorkflow, time.Minute)
		p.ExecuteWorkflow(workflowName, arranged(t, fleet.Policy{}, "a", "b", "c"))
		if err := p.GetWorkflowError(); !p.IsWorkflowCompleted() || err == nil || !strings.Contains(err.Error(), "canceled") {
			t.Errorf("%s: it ended with %v", name, err)
		}
		var r fleet.Rollout
		answer, err := p.QueryWorkflow(statusQuery)
		if err == nil {
			err = answer.Get(&r)
		}
		var states []string
		for _, e := range r.Environments {
			states = append(states, string(e.State))
		}
		if got := strings.Join(states, " "); err != nil || got != c.want {
			t.Errorf("%s: %s, want %s; %v", name, got, c.want, err)
		}
	}
}

func TestAWindowIsWaitedFor(t *testing.T) {
	p := play(t, done)
	r := arranged(t, fleet.Policy{Windows: fleet.Wait}, "a", "b", "c")
	r.Environments[1].Maintenance = []string{"sat 22:00-23:00 UTC"}
	p.ExecuteWorkflow(workflowName, r)
	got, states := p.result(t)
	if began := got.Environments[1].Begun; states != "a:done b:done c:done" || began.Hour() != 22 {
		t.Errorf("%s; b began at %s", states, began)
	}
}

// TestReplay plays a history again that a real server has kept of a roll-out
// over fifty environments: a worker, the starter and the server were killed
// meanwhile. A workflow that no longer comes to the same decisions cannot go on
// after an update of infra. A new history: INFRA_FLEET_HISTORY=FILE make fleet.
func TestReplay(t *testing.T) {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(Rollout, workflow.RegisterOptions{Name: workflowName})
	if err := replayer.ReplayWorkflowHistoryFromJSONFile(nil, "testdata/history.json"); err != nil {
		t.Error(err)
	}
}
