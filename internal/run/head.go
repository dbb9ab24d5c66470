package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// Head is the newest entry of the ledger: which run is open, and what the
// last finished one left in each stack.
type Head struct {
	Open   string             `json:"open,omitempty"`   // run that has begun to change something and whose outcome is not known
	Last   string             `json:"last,omitempty"`   // last run that changed something and ended
	Stacks map[string]Version `json:"stacks,omitempty"` // what it left, by the stack's name: "pipeline/prod"

	// Fence is the last run that took the lease from a dead one. Writing it
	// makes sure that the dead one, should it only have slept, can no longer
	// write the head it knows: it can never open.
	Fence string `json:"fence,omitempty"`

	etag string
	skew time.Duration
}

// Skew is how far this machine's clock is ahead of the server's, exact to a
// second; 0 when no answer had a date.
func (h Head) Skew() time.Duration { return h.skew }

// ended is the head after a run: its states are the known ones, and it is no
// longer open unless somebody has to look after it.
func (h Head) ended(r *Record) Head {
	next := h
	next.Stacks = maps.Clone(h.Stacks)
	for _, s := range r.Stacks {
		if s.After != nil {
			if next.Stacks == nil {
				next.Stacks = map[string]Version{}
			}
			next.Stacks[s.Stack] = *s.After
		}
	}
	if r.Result == Unknown || r.Result == StateNotSaved {
		return next
	}
	next.Last = r.Run
	if next.Open == r.Run {
		next.Open = ""
	}
	return next
}

// Head reads the head of the ledger. Without a ledger it is empty.
func (s *Store) Head(ctx context.Context) (Head, error) {
	o, err := s.get(ctx, s.headKey())
	h := Head{etag: o.etag, skew: o.skew}
	if errors.Is(err, errAbsent) || errors.Is(err, errNoBucket) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(o.data, &h); err != nil {
		return h, s.damaged(s.headKey(), err)
	}
	return h, nil
}

// writeHead puts next in the place of the head with that ETag.
func (s *Store) writeHead(ctx context.Context, etag string, next Head) (Head, error) {
	o, err := s.put(ctx, s.headKey(), next, etag)
	if err != nil {
		return next, err
	}
	next.etag = o.etag
	return next, nil
}

// held reads the lease. One that was never taken is free.
func (s *Store) held(ctx context.Context) (Held, error) {
	o, err := s.get(ctx, s.leaseKey())
	if errors.Is(err, errAbsent) {
		return Held{}, nil
	}
	if err != nil {
		return Held{}, err
	}
	var body leaseBody
	if err := json.Unmarshal(o.data, &body); err != nil {
		return Held{}, s.damaged(s.leaseKey(), err)
	}
	h := Held{Holder: body.Holder, Released: body.Released, Beat: o.modified, etag: o.etag, beat: body.Beat}
	if !o.now.IsZero() {
		h.Age = max(0, o.now.Sub(o.modified))
	}
	return h, nil
}

func (s *Store) damaged(key string, err error) error {
	return fault.New(fault.Failed, "read s3://"+s.bucket+"/"+key, fmt.Errorf("it is not what infra writes: %w", err),
		fmt.Sprintf("aws s3api list-object-versions --bucket %s --prefix %s", s.bucket, key))
}

// Look reads the lease and the head side by side. A bucket that does not
// exist yet has neither.
func (s *Store) Look(ctx context.Context) (Held, Head, error) {
	var held Held
	var head Head
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		held, err = s.held(ctx)
		if errors.Is(err, errNoBucket) {
			return nil
		}
		return err
	})
	group.Go(func() (err error) {
		head, err = s.Head(ctx)
		return err
	})
	return held, head, group.Wait()
}

// Check is what a run that changes nothing asks before it begins: it waits
// for, or refuses because of, a live lease or an open run, and takes nothing.
// A bucket that does not exist yet gives an empty Head.
func (s *Store) Check(ctx context.Context, verb string, o Wait) (Head, error) {
	patience := newPatience(o.Timeout)
	for {
		held, head, err := s.Look(ctx)
		if err != nil {
			return head, err
		}
		if dead, _ := held.Dead(); held.Free() || dead {
			if head.Open == "" || o.Repair {
				return head, nil
			}
			_, err := s.judge(ctx, verb, head)
			return head, err
		}
		if err := s.waitFor(ctx, verb, held, o, patience); err != nil {
			return head, err
		}
	}
}

// judge decides about the run that the head calls open. One whose end was
// written but not noted in the head is over: its record comes back. Any other
// is an error.
func (s *Store) judge(ctx context.Context, verb string, head Head) (Record, error) {
	r, err := s.assemble(ctx, head.Open)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return r, err
	}
	switch {
	case err == nil && r.closed:
		return r, nil
	case err == nil && !r.Ended.IsZero() && r.Result != Unknown && r.Result != StateNotSaved:
		return r, nil
	}
	r.Run = head.Open
	return r, s.interrupted(verb, r)
}
