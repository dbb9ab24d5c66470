package run

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/process"
)

func TestRow21SecondRunNamesTheHolder(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("20260101T000000Z-aaaaaa"), Wait{})
	_, err := b.store().Acquire(t.Context(), elsewhere("two"), Wait{})
	wants(t, err, fault.Locked, "run 20260101T000000Z-aaaaaa (apply) by ada@build-7, commit 0123456789ab, since ", "--lock-timeout")
	_, err = b.store().Check(t.Context(), "plan", Wait{})
	wants(t, err, fault.Locked, "plan prod: the environment is held by run 20260101T000000Z-aaaaaa", "infra runs prod")

	told := atomic.Int32{}
	go func() {
		time.Sleep(100 * time.Millisecond)
		if err := l.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	second := acquire(t, b.store(), elsewhere("two"), Wait{Timeout: time.Minute, Waiting: func(h Held) {
		if h.Run != "20260101T000000Z-aaaaaa" {
			t.Errorf("waits for %s", h)
		}
		told.Add(1)
	}})
	if told.Load() == 0 {
		t.Error("nobody was told about the waiting")
	}
	if second.Inherited() != nil {
		t.Error("a lease that was given back counts as inherited")
	}
	_, err = b.store().Acquire(t.Context(), elsewhere("three"), Wait{Timeout: 50 * time.Millisecond})
	wants(t, err, fault.Locked, "run two", "")
}

func TestTakingOver(t *testing.T) {
	place, err := process.Place()
	if err != nil {
		t.Fatal(err)
	}
	self, err := process.Self()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	gone := Holder{Run: "one", Boot: place, PID: self.PID, Start: self.Start - 1, Dir: dir} // the same id, an earlier process
	living := gone
	living.Start = self.Start
	busy := gone
	busy.Dir = t.TempDir()
	if _, err := self.Record(Children(busy.Dir)); err != nil {
		t.Fatal(err)
	}
	swept := gone
	swept.Dir = dir + "/swept"
	foreign := elsewhere("one")
	for name, c := range map[string]struct {
		holder Holder
		age    time.Duration
		why    string // empty: not taken over
	}{
		"alive elsewhere":                         {foreign, 80 * time.Second, ""},
		"no sign of life":                         {foreign, 100 * time.Second, "no sign of life for 1m4"},
		"gone from this machine":                  {gone, 0, "is gone"},
		"on this machine, asleep":                 {living, time.Hour, ""},
		"gone, but a program of it still runs":    {busy, time.Hour, ""},
		"gone, its directory too: only age tells": {swept, 80 * time.Second, ""},
		"gone, its directory too, old":            {swept, 100 * time.Second, "no sign of life"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(t)
			dead := acquire(t, b.store(), c.holder, Wait{})
			dead.Abandon()
			b.age(leaseObject, c.age)
			l, err := b.store().Acquire(t.Context(), elsewhere("two"), Wait{})
			if c.why == "" {
				wants(t, err, fault.Locked, "run one", "")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Abandon()
			from := l.Inherited()
			if from == nil || from.Run != "one" {
				t.Fatalf("taken over from %v", from)
			}
			if _, why := from.Dead(); !strings.Contains(why, c.why) {
				t.Errorf("taken over because %q, want %q", why, c.why)
			}
		})
	}
}

// The age of a lease is the server's business: neither clock here matters.
func TestRow28ServerClock(t *testing.T) {
	for _, offset := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		b := newBucket(t)
		b.offset = offset
		l := acquire(t, b.store(), elsewhere("one"), Wait{})
		if got := l.Skew() + offset; got.Abs() > 3*time.Second {
			t.Errorf("a server that is %s ahead gives a skew of %s", offset, l.Skew())
		}
		if _, err := b.store().Acquire(t.Context(), elsewhere("two"), Wait{}); fault.CodeOf(err) != fault.Locked {
			t.Errorf("with a clock that is off by %s the lease counts as dead: %v", offset, err)
		}
		l.Abandon()
		b.age(leaseObject, 2*time.Minute)
		head, err := b.store().Check(t.Context(), "plan", Wait{})
		if err != nil {
			t.Errorf("a dead run holds up a plan: %v", err)
		}
		if got := head.Skew() + offset; got.Abs() > 3*time.Second {
			t.Errorf("the head's skew is %s", head.Skew())
		}
	}
}

// FAULTS 24.
func TestRow24ForeignBucket(t *testing.T) {
	b := newBucket(t)
	s := b.store()
	s.account = "999999999999"
	_, err := s.Acquire(t.Context(), elsewhere("one"), Wait{})
	wants(t, err, fault.Refused, "another account than 999999999999", "infra doctor prod")
	for code, status := range map[string]int{"PermanentRedirect": 301, "AuthorizationHeaderMalformed": 400} {
		b.before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			deny(w, status, code)
			return true
		}
		moved := b.store()
		moved.File = "environments/eu/prod.yaml"
		_, err = moved.Acquire(t.Context(), elsewhere("one"), Wait{})
		wants(t, err, fault.Refused, "in another region", "environments/eu/prod.yaml")
	}
	b.before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		deny(w, http.StatusNotFound, "NoSuchBucket")
		return true
	}
	_, err = b.store().Acquire(t.Context(), elsewhere("one"), Wait{})
	wants(t, err, fault.Failed, "no state bucket", "infra bootstrap prod")
	if head, err := b.store().Check(t.Context(), "plan", Wait{}); err != nil || head.Open != "" {
		t.Errorf("a plan before the first apply: %+v, %v", head, err)
	}
}

func TestRow20UnlockOnlyTheDead(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	_, err := b.store().Unlock(t.Context(), "one")
	wants(t, err, fault.Refused, "not provably dead", "infra runs prod one")
	_, err = b.store().Unlock(t.Context(), "two")
	wants(t, err, fault.Refused, "held by run one", "infra runs prod")
	l.Abandon()
	b.age(leaseObject, 2*time.Minute)
	held, err := b.store().Unlock(t.Context(), "one")
	if err != nil || held.Run != "one" {
		t.Fatal(held, err)
	}
	_, err = b.store().Unlock(t.Context(), "one")
	wants(t, err, fault.Refused, "nobody holds the lease", "")
	next := acquire(t, b.store(), elsewhere("two"), Wait{})
	if next.Inherited() == nil {
		t.Error("what the unlocked run left is nobody's business")
	}
}
