package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/fleet"
)

// world carries out a roll-out at random: environments end in any order and in
// any way, it is paused, and whoever carries it out dies and another goes on.
type world struct {
	*testing.T
	random  *rand.Rand
	rollout *fleet.Rollout
	now     time.Time
	ledger  map[string]int // 1: it was applied to its end
}

// TestSimulation plays thousands of roll-outs and asserts after every step
// what is promised of all of them.
func TestSimulation(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := &world{T: t, random: random, rollout: invented(t, random), now: noon(), ledger: map[string]int{}}
		w.play(seed)
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, w.rollout)
		}
	}
}

func invented(t *testing.T, random *rand.Rand) *fleet.Rollout {
	t.Helper()
	all := named(1 + random.IntN(20))
	for i := range all {
		if random.IntN(5) == 0 {
			all[i].Maintenance = []string{night}
		}
	}
	order := fleet.Order{MaxFailures: fmt.Sprint(random.IntN(4)), Wave: random.IntN(6)}
	if random.IntN(2) == 0 {
		order.Canary = []string{fmt.Sprint(random.IntN(min(3, len(all)) + 1))}
	}
	may, err := fleet.Arrange(all, order)
	if err != nil {
		t.Fatal(err)
	}
	windows := []fleet.Windows{fleet.Defer, fleet.Wait, fleet.Ignore}[random.IntN(3)]
	return &fleet.Rollout{Environments: all, Policy: fleet.Policy{MaxFailures: may, Parallel: random.IntN(5), Windows: windows}}
}

func (w *world) play(seed uint64) {
	for range 2000 {
		step := w.rollout.Next(w.now)
		if w.over(step) {
			return
		}
		for _, name := range step.Start {
			w.begin(name)
		}
		w.happen(step)
		if w.Failed() {
			return
		}
	}
	w.Errorf("seed %d: it never ends", seed)
}

// over asserts what has to be true at the end.
func (w *world) over(step fleet.Step) bool {
	if !step.Over {
		return false
	}
	if w.rollout.Count(fleet.Running) > 0 {
		w.Error("it is over while something runs")
	}
	for _, e := range w.rollout.Environments {
		if e.State == fleet.Waiting && w.rollout.Stopped() == "" && len(e.Maintenance) == 0 && !w.canaryDeferred() {
			w.Errorf("%s was forgotten", e.Name)
		}
	}
	return true
}

func (w *world) canaryDeferred() bool {
	return slices.ContainsFunc(w.rollout.Environments, func(e fleet.Environment) bool { return e.Wave == 0 && e.State == fleet.Waiting })
}

// begin asserts what has to be true when an environment begins.
func (w *world) begin(name string) {
	r := w.rollout
	i := slices.IndexFunc(r.Environments, func(e fleet.Environment) bool { return e.Name == name })
	own := r.Environments[i]
	if r.Paused || r.Stopped() != "" {
		w.Errorf("%s begins although it is paused (%v) or stopped (%s)", name, r.Paused, r.Stopped())
	}
	if r.Opens(own, w.now).After(w.now) {
		w.Errorf("%s begins outside of its window", name)
	}
	for _, e := range r.Environments {
		deferred := e.State == fleet.Waiting && r.Opens(e, w.now).After(w.now) && r.Policy.Windows == fleet.Defer && e.Wave > 0
		if e.Wave < own.Wave && e.State != fleet.Done && e.State != fleet.Failed && !deferred {
			w.Errorf("%s of wave %d begins while %s of wave %d is %s", name, own.Wave, e.Name, e.Wave, e.State)
		}
	}
	if err := r.Begin(name, w.now); err != nil {
		w.Error(err)
	}
	if p := r.Policy.Parallel; p > 0 && r.Count(fleet.Running) > p {
		w.Errorf("%d run at once", r.Count(fleet.Running))
	}
}

// happen lets one thing happen.
func (w *world) happen(step fleet.Step) {
	r := w.rollout
	switch w.random.IntN(12) {
	case 0:
		r.Paused = !r.Paused
	case 1: // whoever carries it out dies, and what it has begun ends without it, or not; the next one asks the ledger
		for _, e := range r.Environments {
			if e.State == fleet.Running && w.random.IntN(2) == 0 {
				w.apply(e.Name)
			}
		}
		r.Again(false)
	default:
		if r.Paused = false; !step.Wake.IsZero() && r.Count(fleet.Running) == 0 {
			w.now = step.Wake
		}
		w.end()
	}
	w.now = w.now.Add(time.Minute)
}

// end ends one of those that run. One that the ledger knows to be done is not
// applied a second time.
func (w *world) end() {
	var running []string
	for _, e := range w.rollout.Environments {
		if e.State == fleet.Running {
			running = append(running, e.Name)
		}
	}
	if len(running) == 0 {
		return
	}
	name := running[w.random.IntN(len(running))]
	outcome := fleet.Outcome{}
	if w.ledger[name] == 0 && w.random.IntN(6) == 0 {
		outcome.Exit = fault.Failed
	} else {
		w.apply(name)
	}
	if err := w.rollout.End(name, outcome, w.now); err != nil {
		w.Error(err)
	}
}

// apply is what `infra apply --rollout` does: nothing, when the ledger says that
// it was done.
func (w *world) apply(name string) { w.ledger[name] = 1 }
