package run

import (
	"errors"
	"os"
	"testing"
	"time"

	"infra/internal/fault"
)

func TestOrphanKeepsAndGivesBack(t *testing.T) {
	b := newBucket(t)
	dead := elsewhere("one")
	l := acquire(t, b.store(), dead, Wait{})
	l.Abandon()
	b.age(leaseObject, time.Hour)
	stopFirst, err := b.store().adopt(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	stopLast, err := b.store().adopt(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // both beat, each over the other
	_, err = b.store().Acquire(t.Context(), elsewhere("two"), Wait{})
	wants(t, err, fault.Locked, "run one", "")
	stopFirst("")
	_, err = b.store().Acquire(t.Context(), elsewhere("two"), Wait{})
	wants(t, err, fault.Locked, "run one", "")
	stopLast("orphaned")
	next := acquire(t, b.store(), elsewhere("two"), Wait{})
	if got := next.Inherited(); got == nil || got.Released != "orphaned" {
		t.Errorf("inherited %+v", got)
	}
	if _, err := b.store().adopt(t.Context(), dead); !errors.Is(err, ErrLost) {
		t.Errorf("a lease that is another's is kept: %v", err)
	}
}

func TestLeaseFileIsPrivate(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	if err := l.WriteFile(t.TempDir(), targetOf(b)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.File())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	l.Abandon()
	stop, err := Orphan(t.Context(), l.File())
	if err != nil {
		t.Fatal(err)
	}
	stop("orphaned")
	held, _, err := b.store().Look(t.Context())
	if err != nil || held.Released != "orphaned" {
		t.Errorf("it says %+v, %v", held, err)
	}
}
