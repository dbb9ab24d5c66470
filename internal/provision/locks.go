package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// Runs is the environment's lease and ledger.
func (p *Platform) Runs() *run.Store { return p.runs }

// stateKeys are the keys of all states of the environment.
func (p *Platform) stateKeys() []string {
	var keys []string
	for _, product := range stack.Products().Names() {
		keys = append(keys, p.stack(product).StateKey())
	}
	return keys
}

// afterLife is how long after a run's last sign of life a lock may have been
// taken and still be the run's: between two signs of life.
const afterLife = 15 * time.Second

// inherit removes the locks of Terraform that the run before this one has left
// behind, when that did not end by itself. The lease proves that it is dead.
func (p *Platform) inherit(ctx context.Context) error {
	from := p.lease.Inherited()
	if from == nil {
		return nil
	}
	dropped, err := p.dropLocks(ctx, from.Holder, from.Beat.Add(afterLife))
	for _, lock := range dropped {
		p.con.Detail("removed a lock that %s has left: %s", from.Holder, lock)
	}
	p.dropped = append(p.dropped, dropped...)
	p.tidyAfter(from.Run)
	return err
}

// dropLocks removes the locks of Terraform that a dead run has left: those that
// infra took for it, and those that Terraform took for the same user on the
// same machine since it began and, by the server's clock, until then (zero: at
// any time). The caller knows that the run is dead.
func (p *Platform) dropLocks(ctx context.Context, dead run.Holder, until time.Time) ([]state.Lock, error) {
	locks, err := p.bucket.Locks(ctx, p.stateKeys()...)
	if err != nil {
		return nil, err
	}
	var dropped []state.Lock
	for _, lock := range locks {
		// Terraform writes Created in the clock that Since was read from.
		terraforms := lock.Who == dead.Who+"@"+dead.Host && !lock.Created.Before(dead.Since) && (until.IsZero() || !lock.Modified.After(until))
		if !terraforms && lock.Info != "infra run "+dead.Run {
			continue
		}
		if err := p.bucket.Unlock(ctx, lock); err != nil {
			return dropped, err
		}
		dropped = append(dropped, lock)
	}
	return dropped, nil
}

// dropOwnLocks removes what this run's own Terraform has left when it was
// killed. All that the run has started must have ended.
func (p *Platform) dropOwnLocks(ctx context.Context, self run.Holder, result error) {
	if !errors.Is(result, terraform.ErrUnknown) && !errors.Is(result, terraform.ErrKilled) {
		return
	}
	if _, err := p.dropLocks(ctx, self, time.Time{}); err != nil {
		p.Warn("remove the lock that Terraform has left: %v", err)
	}
}

// Unlock gives back the lease of a run that is provably dead, and removes the
// locks of Terraform that it has left. What it has begun stays open. Who did so
// is in the ledger.
func (p *Platform) Unlock(ctx context.Context, id string) (held run.Held, locks []state.Lock, err error) {
	held, err = p.runs.Unlock(ctx, id)
	if err != nil {
		return held, nil, err
	}
	locks, err = p.dropLocks(ctx, held.Holder, held.Beat.Add(afterLife))
	note := run.NewRecord(run.NewHolder(p.Run, "unlock", p.Caller.ARN, p.Code.Commit), p.Env.Name())
	note.Result, note.Recovers = outcome(err), id
	if err != nil {
		note.Error = p.con.Masked(err.Error())
	}
	return held, locks, errors.Join(err, p.runs.Note(ctx, note))
}

// UnlockState removes one lock of Terraform by its id. While this run holds the
// lease no other run of infra changes the environment, so a lock that is there
// is that of a dead one, of a plan, which only reads, or of a Terraform that
// somebody has started by hand: approve is asked about that.
func (p *Platform) UnlockState(ctx context.Context, id string, wait run.Wait, approve func(state.Lock) error) (lock state.Lock, err error) {
	op := "remove the lock " + id + " of " + p.Env.Name()
	wait.Repair = true
	err = p.Change(ctx, "unlock", wait, func(ctx context.Context) error {
		locks, err := p.bucket.Locks(ctx, p.stateKeys()...)
		if err != nil {
			return err
		}
		for _, lock = range locks {
			if lock.ID != id {
				continue
			}
			if err := approve(lock); err != nil {
				return err
			}
			return p.bucket.Unlock(ctx, lock)
		}
		text := "no state is locked"
		if len(locks) > 0 {
			text = fmt.Sprintf("there is no such lock; there is %s", locks[0])
		}
		return fault.New(fault.Refused, op, errors.New(text), "infra plan "+p.Env.Name())
	})
	return lock, err
}
