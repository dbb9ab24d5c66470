package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"infra/internal/fault"
)

const leaseObject = "leases/prod.json"

// elsewhere is a holder on another machine.
func elsewhere(run string) Holder {
	return Holder{
		Run: run, Verb: "apply", Who: "ada", Host: "build-7", Commit: "0123456789abcdef", Since: time.Now().UTC(),
		Boot: "another machine", PID: 1, Start: 1, Dir: "/nowhere",
	}
}

func acquire(t *testing.T, s *Store, h Holder, o Wait) *Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Abandon)
	return l
}

func release(t *testing.T, l *Lease) {
	t.Helper()
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wants checks an error's code, text and hint.
func wants(t *testing.T, err error, code fault.Code, text, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", text)
	}
	if fault.CodeOf(err) != code || !strings.Contains(err.Error(), text) || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("error %q (exit %d, hint %q), want exit %d with %q and the hint %q", err, fault.CodeOf(err), fault.HintOf(err), code, text, hint)
	}
}

func TestHeartbeatKeepsTheLease(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	b.age(leaseObject, time.Hour)
	deadline := time.Now().Add(30 * time.Second)
	for {
		held, _, err := b.store().Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if held.beat > 3 && held.Age < 5*time.Second {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no sign of life: beat %d, age %s", held.beat, held.Age)
		}
		time.Sleep(10 * time.Millisecond)
	}
	release(t, l)
	held, _, err := b.store().Look(t.Context())
	if err != nil || held.Released != released || held.Run != "one" {
		t.Errorf("after the release it says %+v, %v", held, err)
	}
}

// stolen writes another run into the lease.
func stolen(t *testing.T, b *bucket) {
	t.Helper()
	b.set(func() {
		b.writes++
		b.objects[leaseObject] = stored{
			data: []byte(`{"run":"thief","verb":"recover","who":"eve","host":"h"}`), etag: fmt.Sprintf("%q", fmt.Sprint("etag-", b.writes)), modified: b.now(),
		}
	})
}

func TestLostLeaseCancelsTheRun(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	stolen(t, b)
	select {
	case <-l.Context().Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the run goes on")
	}
	cause := context.Cause(l.Context())
	if !errors.Is(cause, ErrLost) {
		t.Errorf("cancelled because of %v", cause)
	}
	wants(t, cause, fault.Locked, "run thief (recover) by eve@h", "infra runs prod")
	release(t, l) // is no error, and touches nothing
	if err := l.Open(t.Context(), NewRecord(l.holder, "prod")); !errors.Is(err, ErrLost) {
		t.Errorf("a run without its lease opens: %v", err)
	}
	if b.has("runs/prod/one/begin.json") || b.has("runs/prod/head.json") {
		t.Error("it wrote into the ledger")
	}
	held, _, err := b.store().Look(t.Context())
	if err != nil || held.Run != "thief" || held.Released != "" {
		t.Errorf("the lease now says %+v, %v", held, err)
	}
}

// A laptop that slept must ask before it goes on.
func TestSureAfterSleep(t *testing.T) {
	b := newBucket(t)
	s := b.store()
	s.every = time.Hour // no heartbeat comes to help
	l := acquire(t, s, elsewhere("one"), Wait{})
	if err := l.Sure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stolen(t, b)
	if err := l.Sure(t.Context()); err != nil {
		t.Fatalf("a young lease is asked for: %v", err)
	}
	l.mu.Lock()
	l.last = l.last.Round(0).Add(-5 * time.Hour) // the wall clock alone knows of the sleep
	l.mu.Unlock()
	if err := l.Sure(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("after the sleep: %v", err)
	}
}

// A dead run that only slept and wakes up after its lease was taken over can
// write nothing into the ledger, even when it looks at nothing first.
func TestFenceAgainstTheLivingDead(t *testing.T) {
	b := newBucket(t)
	slow := b.store()
	slow.every = time.Hour
	asleep := acquire(t, slow, elsewhere("one"), Wait{})
	b.age(leaseObject, 2*time.Minute)
	acquire(t, b.store(), elsewhere("two"), Wait{})
	if err := asleep.Open(t.Context(), NewRecord(asleep.holder, "prod")); !errors.Is(err, ErrLost) {
		t.Errorf("it opens: %v", err)
	}
	head, err := b.store().Head(t.Context())
	if err != nil || head.Open != "" || head.Fence != "two" {
		t.Errorf("the head is %+v, %v", head, err)
	}
	if asleep.Context().Err() == nil {
		t.Error("it goes on")
	}
}

// FAULTS 23: 409 and 412 mean: look who it is, and try again.
func TestRow23ConflictsAreLookedInto(t *testing.T) {
	for name, status := range map[string]int{"ConditionalRequestConflict": 409, "PreconditionFailed": 412} {
		b := newBucket(t)
		left := atomic.Int32{}
		left.Store(5)
		b.before = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			if r.Method == http.MethodPut && left.Add(-1) >= 0 {
				deny(w, status, name)
				return true
			}
			return false
		}
		l := acquire(t, b.store(), elsewhere("one"), Wait{})
		left.Store(3)
		r := NewRecord(l.holder, "prod")
		deadline := time.Now().Add(30 * time.Second)
		for left.Load() > 0 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond) // the heartbeat meets them
		}
		if err := l.Open(t.Context(), r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.Context().Err(); err != nil {
			t.Errorf("%s: the lease is lost: %v", name, context.Cause(l.Context()))
		}
		release(t, l)
	}
}

// A write that was done although its answer said otherwise is ours.
func TestRow23LostAnswers(t *testing.T) {
	b := newBucket(t)
	n := atomic.Int32{}
	b.after = func(string) bool { return n.Add(1)%2 == 1 } // each first answer is lost
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	r := NewRecord(l.holder, "prod")
	r.Stacks = []StackRecord{{Stack: "a/prod", After: &Version{Serial: 7}}}
	if err := l.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Result = Done
	if err := l.Close(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	release(t, l)
	held, head, err := b.store().Look(t.Context())
	if err != nil || held.Released != released || head.Open != "" || head.Last != "one" || head.Stacks["a/prod"].Serial != 7 {
		t.Errorf("left %+v and %+v, %v", held, head, err)
	}
}

// FAULTS 12: S3 that does not answer stops a run only while nothing was
// changed; once something was, the run goes on and saves what it can.
func TestRow12NoAnswer(t *testing.T) {
	for _, opened := range []bool{false, true} {
		b := newBucket(t)
		s := b.store()
		s.dead = 100 * time.Millisecond
		l := acquire(t, s, elsewhere("one"), Wait{})
		if opened {
			if err := l.Open(t.Context(), NewRecord(l.holder, "prod")); err != nil {
				t.Fatal(err)
			}
		}
		b.set(func() {
			b.before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				deny(w, http.StatusServiceUnavailable, "SlowDown")
				return true
			}
		})
		limit := 30 * time.Second
		if opened {
			limit = time.Second
		}
		select {
		case <-l.Context().Done():
			if opened {
				t.Error("a run that changes something was stopped")
			}
			if !errors.Is(context.Cause(l.Context()), ErrLost) {
				t.Errorf("stopped by %v", context.Cause(l.Context()))
			}
		case <-time.After(limit):
			if !opened {
				t.Error("a run that has changed nothing goes on without a lease")
			}
		}
		l.Abandon()
	}
}
