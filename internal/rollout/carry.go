package rollout

import (
	"context"
	"runtime"
	"time"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/provision"
)

// Width is how many environments this machine works on at once: as many as it
// has cores, or wanted, as far as the memory lets so many Terraforms run.
func Width(wanted, stacks int) int {
	if wanted <= 0 {
		wanted = runtime.NumCPU()
	}
	return max(1, min(wanted, provision.SideBySide()/max(1, stacks)))
}

// Watcher is told what happens to a roll-out. It is called by one goroutine.
type Watcher struct {
	Began func(fleet.Environment)
	Ended func(fleet.Environment)
	Tick  func() // every half second
}

// tick is how often a paused roll-out, and its watcher, are looked after.
const tick = 500 * time.Millisecond

// ended is how one turn ended.
type ended struct {
	name    string
	outcome fleet.Outcome
	err     error
}

// Carry carries out a roll-out on this machine until it is over. When ctx ends,
// nothing new begins and what runs is interrupted and saves itself. Every step
// is on the disk before it is done.
func (s Store) Carry(ctx context.Context, i Infra, r *fleet.Rollout, w Watcher) error {
	results := make(chan ended)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var failed error // to write the record: nothing more begins, what runs may end
	for {
		r.Paused = s.Paused(r.ID)
		step := r.Next(time.Now())
		if ctx.Err() != nil || failed != nil {
			step = fleet.Step{Over: r.Count(fleet.Running) == 0}
		}
		if step.Over {
			break
		}
		for _, name := range step.Start {
			if failed = s.begin(r, name); failed != nil {
				break
			}
			w.Began(of(r, name))
			go func() {
				o, err := i.Turn(ctx, TaskOf(r, name), s.Dir(r.ID))
				results <- ended{name, o, err}
			}()
		}
		select {
		case <-ticker.C:
			w.Tick()
		case result := <-results:
			if err := s.end(r, result); err != nil {
				failed = err
			}
			w.Ended(of(r, result.name))
		}
	}
	r.Ended = time.Now().UTC()
	if err := s.Save(r); err != nil {
		return err
	}
	return failed
}

func of(r *fleet.Rollout, name string) fleet.Environment {
	for _, e := range r.Environments {
		if e.Name == name {
			return e
		}
	}
	return fleet.Environment{Name: name}
}

// begin notes that an environment's turn begins, before it does.
func (s Store) begin(r *fleet.Rollout, name string) error {
	if err := r.Begin(name, time.Now()); err != nil {
		return err
	}
	return s.Save(r)
}

// end notes how it ended. A turn that there was not, because the ledger could
// not be read or the checkout is another one, has failed.
func (s Store) end(r *fleet.Rollout, e ended) error {
	if e.err != nil {
		e.outcome = Failure(e.err)
	}
	if err := r.End(e.name, e.outcome, time.Now()); err != nil {
		return err
	}
	return s.Save(r)
}

// Failure is the outcome of what could not be done at all.
func Failure(err error) fleet.Outcome {
	return outcomeOf(Answer{Exit: fault.CodeOf(err), Error: err.Error(), Hint: fault.HintOf(err)})
}
