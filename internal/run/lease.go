package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infra/internal/fault"
)

// ErrLost is in the cause of a lease's context when another run has taken it.
var ErrLost = errors.New("the lease was lost")

const leaseSchema = "infra/lease/v1"

// leaseBody is the lease as S3 keeps it. Beat grows with every write, so that
// no two versions have the same ETag.
type leaseBody struct {
	Schema string `json:"schema"`
	Holder
	Beat     uint64 `json:"beat"`
	Released string `json:"released,omitempty"`
}

// Lease is the claim of one run on an environment. A goroutine shows a sign
// of life until Release or Abandon.
type Lease struct {
	store  *Store
	holder Holder
	heir   *Held
	file   string

	ctx    context.Context // the run's
	cancel context.CancelCauseFunc
	stop   chan struct{} // closed to end the heartbeat
	done   chan struct{} // closed when it has ended
	once   sync.Once

	mu    sync.Mutex // held during a write, so that writes have an order
	etag  string
	beats uint64
	wrote bool
	last  time.Time // of the last successful write
	lost  error
	head  Head
	skew  time.Duration
	open  bool // begin.json of this run was written
}

// Context is cancelled with a cause that has ErrLost in it when the lease is
// lost, and with the context that Acquire was given.
func (l *Lease) Context() context.Context { return l.ctx }

// Head is the head of the ledger: as it was when the lease was taken, then as
// Open, Close and Settle have written it.
func (l *Lease) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Skew is how far this machine's clock is ahead of the server's, exact to a
// second.
func (l *Lease) Skew() time.Duration { return l.skew }

// Inherited tells from whom the lease was taken over without a proper end;
// nil when the run before has ended by itself. Locks of Terraform that it
// left may be removed.
func (l *Lease) Inherited() *Held { return l.heir }

// start begins the heartbeat.
func (l *Lease) start(ctx context.Context) {
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	// A run that is interrupted still holds its lease until it has saved
	// everything: its heartbeat does not end with its context.
	go l.keep(context.WithoutCancel(ctx))
}

// keep shows a sign of life again and again.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.done)
	ticker := time.NewTicker(l.store.every)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		if err := l.beat(ctx); errors.Is(err, ErrLost) {
			return
		}
	}
}

// beat writes the lease again, if it is still ours. Only ErrLost is final.
func (l *Lease) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(beatLimit, l.store.every))
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	err := l.writeOwn(ctx, "")
	if err != nil && !errors.Is(err, ErrLost) && !l.open && since(l.last) > l.store.dead {
		// Others may take it for dead by now, and nothing has been changed yet.
		err = l.lose(fmt.Errorf("no sign of life could be written for %s: %w", since(l.last).Round(time.Second), err))
	}
	return err
}

// since is the time that has passed, also while the machine was asleep: the
// monotonic clock stands still then, the wall clock does not.
func since(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// writeOwn writes the lease over its last version. When that has changed it
// looks who did it: this run itself, by a request whose answer was lost or by
// a supervisor, or somebody else. The lock is held.
func (l *Lease) writeOwn(ctx context.Context, reason string) error {
	for range 5 {
		err := l.writeLocked(ctx, reason)
		if !errors.Is(err, errConflict) {
			return err
		}
		held, err := l.store.held(ctx)
		switch {
		case err != nil:
			return err
		case held.Run != l.holder.Run && held.Run != "":
			return l.lose(fmt.Errorf("it now belongs to %s", held))
		case held.Released != "" && held.Released == reason:
			return nil
		case held.Released != "":
			return l.lose(fmt.Errorf("it was given back (%s) by somebody else", held.Released))
		}
		l.etag, l.beats = held.etag, max(l.beats, held.beat)
		if err := sleep(ctx, raceLook); err != nil {
			return err
		}
	}
	return errConflict
}

// lose ends the run's context. The lock is held.
func (l *Lease) lose(why error) error {
	l.lost = fault.New(fault.Locked, "keep the lease of "+l.store.environment, fmt.Errorf("%w: %w", ErrLost, why), "infra runs "+l.store.environment)
	if l.cancel != nil {
		l.cancel(l.lost)
	}
	return l.lost
}

func (l *Lease) write(ctx context.Context, reason string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writeLocked(ctx, reason)
}

// writeLocked writes the lease once over the version that l knows.
func (l *Lease) writeLocked(ctx context.Context, reason string) error {
	body := leaseBody{Schema: leaseSchema, Holder: l.holder, Beat: l.beats + 1, Released: reason}
	began := time.Now()
	o, err := l.store.put(ctx, l.store.leaseKey(), body, l.etag)
	if err != nil {
		return err
	}
	l.etag, l.beats, l.last, l.wrote = o.etag, body.Beat, began, true
	return nil
}

// Sure makes sure that the lease is still held: when the last sign of life is
// old, because this machine was asleep or S3 did not answer, it writes one
// before it says so. To be asked before every step that changes something.
func (l *Lease) Sure(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil || since(l.last) < 3*l.store.every {
		return l.lost
	}
	return l.writeOwn(ctx, "")
}

// Abandon ends the heartbeat without giving the lease back: the run's end
// could not be written down, so the next one must find out about it.
func (l *Lease) Abandon() {
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		l.cancel(context.Canceled)
	})
}

// releaseLimit bounds giving the lease back; a lease that could not be is dead
// as soon as its process is.
const releaseLimit = 20 * time.Second

// Release gives the lease back, also when ctx is cancelled. A lease that was
// lost is nobody's to give back: no error.
func (l *Lease) Release(ctx context.Context) error {
	l.Abandon()
	return l.giveBack(ctx, released)
}

func (l *Lease) giveBack(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return nil
	}
	if err := l.writeOwn(ctx, reason); !errors.Is(err, ErrLost) {
		return err
	}
	return nil
}
