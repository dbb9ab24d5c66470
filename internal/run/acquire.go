package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// How to wait for others: a holder is looked at again after a pause that
// grows, and a lost race is repeated soon. Both are drawn at random, so that
// many who wait do not come at the same moment.
const (
	firstLook = 300 * time.Millisecond
	longLook  = 3 * time.Second
	raceLook  = 100 * time.Millisecond
	raceLimit = 30 * time.Second // in which a race must have been won or lost
)

// patience is how much waiting is left.
type patience struct {
	until time.Time // for a holder to end
	pause time.Duration
	races time.Time // for races to end; zero while there is none
}

func newPatience(timeout time.Duration) *patience {
	return &patience{until: time.Now().Add(timeout), pause: firstLook}
}

// sleep waits for about d.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d)) //nolint:gosec // spreads requests in time, keeps no secret
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// waitFor waits a while for a living holder, or says that the time is up.
func (s *Store) waitFor(ctx context.Context, verb string, h Held, o Wait, p *patience) error {
	left := time.Until(p.until)
	if left <= 0 {
		return s.locked(verb, h)
	}
	if o.Waiting != nil {
		o.Waiting(h)
	}
	p.races = time.Time{}
	pause := min(p.pause, left)
	p.pause = min(p.pause*8/5, longLook)
	return sleep(ctx, pause)
}

// raced waits a moment after somebody else was quicker.
func (s *Store) raced(ctx context.Context, p *patience) error {
	if p.races.IsZero() {
		p.races = time.Now()
	}
	if time.Since(p.races) > raceLimit {
		return fault.New(fault.Locked, "take the lease of "+s.environment,
			fmt.Errorf("S3 answers every attempt of %s with a conflict (409 or 412)", raceLimit), "infra runs "+s.environment)
	}
	return sleep(ctx, raceLook)
}

// errHeld says that somebody else, alive, holds the lease.
var errHeld = errors.New("the lease is held")

// Acquire takes the environment's lease and keeps it alive until Release.
// The error's code is fault.Locked when somebody else holds it or an earlier
// run is open.
func (s *Store) Acquire(ctx context.Context, h Holder, o Wait) (*Lease, error) {
	p := newPatience(o.Timeout)
	for {
		lease, held, err := s.attempt(ctx, h, o)
		switch {
		case err == nil:
			return lease, nil
		case errors.Is(err, errHeld):
			err = s.waitFor(ctx, h.Verb, held, o, p)
		case errors.Is(err, errConflict):
			err = s.raced(ctx, p)
		}
		if err != nil {
			return nil, err
		}
	}
}

// attempt tries once: it looks who holds the lease, writes itself over exactly
// that, and then looks at the head, which nobody else can change any more.
func (s *Store) attempt(ctx context.Context, h Holder, o Wait) (*Lease, Held, error) {
	held, err := s.held(ctx)
	if err != nil {
		return nil, held, err
	}
	mine := !held.Free() && held.Run == h.Run // our answer was lost on the way
	dead, _ := held.Dead()
	switch {
	case mine:
	case dead && !o.Repair:
		// An open run keeps its lease as evidence until somebody recovers it.
		head, err := s.Head(ctx)
		if err != nil {
			return nil, held, err
		}
		if head.Open == held.Run {
			if _, err := s.judge(ctx, h.Verb, head); err != nil {
				return nil, held, err
			}
		}
	case dead, held.Free():
	default:
		return nil, held, errHeld
	}
	l := &Lease{store: s, holder: h, beats: held.beat, etag: held.etag}
	if dead || (held.Free() && !held.proper()) {
		l.heir = &held
	}
	if err := s.claim(ctx, l, mine); err != nil {
		return nil, held, err
	}
	if err := s.mayBegin(ctx, l, dead, o); err != nil {
		return nil, held, errors.Join(err, l.giveBack(ctx, refused))
	}
	l.start(ctx)
	return l, held, nil
}

// claim writes the lease, while the head is being read: from the moment that
// the lease was seen free until it is written nobody can have changed that.
func (s *Store) claim(ctx context.Context, l *Lease, mine bool) error {
	var group errgroup.Group // without a common end: a write that is cut off may still have been done
	if !mine {
		group.Go(func() error { return l.write(ctx, "") })
	}
	group.Go(func() (err error) {
		l.head, err = s.Head(ctx)
		l.skew = l.head.skew
		return err
	})
	err := group.Wait()
	if err != nil && l.wrote {
		// The lease is ours but the head could not be read.
		err = errors.Join(err, l.giveBack(ctx, refused))
	}
	return err
}

// mayBegin refuses to begin while an earlier run is open, and shuts out a dead
// one for good.
func (s *Store) mayBegin(ctx context.Context, l *Lease, dead bool, o Wait) error {
	if dead {
		// The dead run may only sleep, with a request on its way: read the head
		// again, and change it, so that the head which that run knows is no longer
		// there to be written over.
		head, err := s.Head(ctx)
		if err != nil {
			return err
		}
		head.Fence = l.holder.Run
		if l.head, err = s.writeHead(ctx, head.etag, head); err != nil {
			return err
		}
	}
	if l.head.Open == "" || o.Repair {
		return nil
	}
	r, err := s.judge(ctx, l.holder.Verb, l.head)
	if err != nil {
		return err
	}
	l.head, err = s.writeHead(ctx, l.head.etag, l.head.ended(&r))
	return err
}

// Unlock gives back the lease of a run that is provably dead. The head stays:
// a run that was open still is. It returns what the lease said before.
func (s *Store) Unlock(ctx context.Context, run string) (Held, error) {
	op := "unlock " + s.environment
	for p := newPatience(0); ; {
		held, err := s.held(ctx)
		if err != nil {
			return held, err
		}
		if held.Free() || held.Run != run {
			text := "nobody holds the lease"
			if !held.Free() {
				text = "the lease is held by " + held.String()
			}
			return held, fault.New(fault.Refused, op, errors.New(text+", not run "+run), "infra runs "+s.environment)
		}
		if dead, _ := held.Dead(); !dead {
			return held, fault.New(fault.Refused, op,
				fmt.Errorf("%s is not provably dead: its last sign of life is %s old, dead is after %s", held, held.Age.Round(time.Second), deadAfter),
				fmt.Sprintf("infra runs %s %s    to see it; end it with Ctrl-C where it runs", s.environment, run))
		}
		_, err = s.put(ctx, s.leaseKey(), leaseBody{Schema: leaseSchema, Holder: held.Holder, Beat: held.beat + 1, Released: unlocked}, held.etag)
		if errors.Is(err, errConflict) {
			err = s.raced(ctx, p)
			if err == nil {
				continue
			}
		}
		return held, err
	}
}
