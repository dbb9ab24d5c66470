package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
)

// finish is a whole run: begun, ended with a result, its lease given back.
func finish(t *testing.T, s *Store, id string, result Result, stacks ...StackRecord) {
	t.Helper()
	l := acquire(t, s, elsewhere(id), Wait{Repair: true})
	r := NewRecord(l.holder, "prod")
	if err := l.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Stacks, r.Result = stacks, result
	if err := l.Close(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	release(t, l)
}

func TestLedgerOfARun(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	found, err := b.store().Find(t.Context(), "one")
	if err != nil || found.Result != Running || found.Who != "ada" {
		t.Errorf("before its first change it is %+v, %v", found, err)
	}
	if b.has("runs/prod/head.json") {
		t.Error("a run that changes nothing wrote the head")
	}
	r := NewRecord(l.holder, "prod")
	if err := l.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if head, err := b.store().Head(t.Context()); err != nil || head.Open != "one" {
		t.Errorf("head %+v, %v", head, err)
	}
	if found, err = b.store().Find(t.Context(), "one"); err != nil || found.Result != Running {
		t.Errorf("in the middle it is %q, %v", found.Result, err)
	}
	r.Result, r.Tools = Done, map[string]string{"terraform": "1.11.4"}
	r.Stacks = []StackRecord{{Stack: "baseline/prod", Before: &Version{Serial: 1}, After: &Version{Lineage: "l", Serial: 2, VersionID: "v", SHA256: "s"}, Applied: 3, Result: "done"}}
	r.Hosts = []HostRecord{{ID: "i-1", Name: "zookeeper-1", Result: "ok"}}
	if err := l.Close(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	release(t, l)
	head, err := b.store().Head(t.Context())
	if err != nil || head.Open != "" || head.Last != "one" || head.Stacks["baseline/prod"] != (Version{Lineage: "l", Serial: 2, VersionID: "v", SHA256: "s"}) {
		t.Errorf("head %+v, %v", head, err)
	}
	if found, err = b.store().Find(t.Context(), "one"); err != nil || found.Result != Done || found.Hosts[0].Name != "zookeeper-1" || found.Ended.IsZero() {
		t.Errorf("at the end it is %+v, %v", found, err)
	}
	if err := l.Close(t.Context(), r); err != nil {
		t.Errorf("the same end a second time: %v", err)
	}
	r.Result = Failed
	if err := l.Close(t.Context(), r); err == nil || !strings.Contains(err.Error(), "two runs have the same id") {
		t.Errorf("a record was written over: %v", err)
	}
}

// FAULTS 1: a run that never says how it ended blocks the next one.
func TestRow01OpenRunBlocks(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	if err := l.Open(t.Context(), NewRecord(l.holder, "prod")); err != nil {
		t.Fatal(err)
	}
	l.Abandon()
	b.age(leaseObject, 2*time.Minute)
	before, _, err := b.store().Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := b.store().Acquire(t.Context(), elsewhere("two"), Wait{Timeout: time.Minute})
		wants(t, err, fault.Locked, "run one (apply) by ada@build-7", "infra recover prod")
		_, err = b.store().Check(t.Context(), "plan", Wait{Timeout: time.Minute})
		wants(t, err, fault.Locked, "its outcome is unknown", "infra recover prod")
	}
	held, _, err := b.store().Look(t.Context())
	if err != nil || held.Run != "one" || held.Released != "" || held.beat != before.beat {
		t.Errorf("the evidence was touched: %+v, %v", held, err)
	}
	if found, err := b.store().Find(t.Context(), "one"); err != nil || found.Result != Unknown {
		t.Errorf("it is shown as %q, %v", found.Result, err)
	}

	repair := acquire(t, b.store(), elsewhere("repair"), Wait{Repair: true})
	own := NewRecord(repair.holder, "prod")
	if err := repair.Open(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if head, err := b.store().Head(t.Context()); err != nil || head.Open != "one" {
		t.Errorf("repairing hides what is open: %+v, %v", head, err)
	}
	now := map[string]Version{"baseline/prod": {Serial: 9}}
	for range 2 { // a second time, after an attempt that was cut off
		if err := repair.Settle(t.Context(), "one", now, "arn:aws:s3:::lost"); err != nil {
			t.Fatal(err)
		}
	}
	own.Result, own.Recovers = Done, "one"
	if err := repair.Close(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	release(t, repair)
	found, err := b.store().Find(t.Context(), "one")
	if err != nil || found.Result != Recovered || found.RecoveredBy != "repair" || !slices.Equal(found.Orphans, []string{"arn:aws:s3:::lost"}) || found.Stacks[0].After.Serial != 9 {
		t.Errorf("recovered: %+v, %v", found, err)
	}
	next := acquire(t, b.store(), elsewhere("three"), Wait{})
	if got := next.Head(); got.Open != "" || got.Stacks["baseline/prod"].Serial != 9 || got.Last != "repair" {
		t.Errorf("the head is %+v", got)
	}
}

// FAULTS 11: the way out of a state that was not saved is another one.
func TestRow11UnsavedStateBlocks(t *testing.T) {
	b := newBucket(t)
	finish(t, b.store(), "one", StateNotSaved)
	_, err := b.store().Acquire(t.Context(), elsewhere("two"), Wait{})
	wants(t, err, fault.Locked, "could not save a state", "infra state push-errored prod")
	_, err = b.store().Check(t.Context(), "plan", Wait{})
	wants(t, err, fault.Locked, "build-7", "infra state push-errored prod")
	held, _, err := b.store().Look(t.Context())
	if err != nil || !held.Free() {
		t.Errorf("whoever was refused keeps the lease: %+v, %v", held, err)
	}
	// A repair that ends well updates what is known and leaves the run open.
	finish(t, b.store(), "push", Done, StackRecord{Stack: "a/prod", After: &Version{Serial: 4}})
	head, err := b.store().Head(t.Context())
	if err != nil || head.Open != "one" || head.Stacks["a/prod"].Serial != 4 {
		t.Errorf("after the repair %+v, %v", head, err)
	}
}

// A run that ended and died before the head knew is no riddle.
func TestEndWithoutHeadHeals(t *testing.T) {
	b := newBucket(t)
	l := acquire(t, b.store(), elsewhere("one"), Wait{})
	r := NewRecord(l.holder, "prod")
	if err := l.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Result, r.Stacks = Failed, []StackRecord{{Stack: "a/prod", After: &Version{Serial: 5}}}
	if err := b.store().Note(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	l.Abandon()
	b.age(leaseObject, 2*time.Minute)
	if _, err := b.store().Check(t.Context(), "plan", Wait{}); err != nil {
		t.Errorf("a plan is refused: %v", err)
	}
	next := acquire(t, b.store(), elsewhere("two"), Wait{})
	if head := next.Head(); head.Open != "" || head.Last != "one" || head.Stacks["a/prod"].Serial != 5 {
		t.Errorf("the head is %+v", head)
	}
}

func TestDiedBeforeItsFirstChange(t *testing.T) {
	b := newBucket(t)
	if err := b.store().append(t.Context(), "one", beginName, NewRecord(elsewhere("one"), "prod")); err != nil {
		t.Fatal(err)
	}
	found, err := b.store().Find(t.Context(), "one")
	if err != nil || found.Result != Failed || !strings.Contains(found.Error, "before it changed anything") {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestDamagedHead(t *testing.T) {
	b := newBucket(t)
	b.objects["runs/prod/head.json"] = stored{data: []byte("{"), etag: `"x"`, modified: b.now()}
	_, err := b.store().Acquire(t.Context(), elsewhere("one"), Wait{})
	wants(t, err, fault.Failed, "not what infra writes", "list-object-versions")
	held, err := b.store().held(t.Context())
	if err != nil || !held.Free() {
		t.Errorf("the lease is kept: %+v, %v", held, err)
	}
}

// A record is a contract: readers rely on its words.
func TestRecordJSON(t *testing.T) {
	data, err := json.Marshal(NewRecord(elsewhere("one"), "prod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"infra/run-record/v1"`, `"result":"running"`, `"stacks":[]`, `"hosts":[]`, `"dirty":false`} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	if bytes.Contains(data, []byte(`"ended"`)) {
		t.Errorf("a run that goes on has an end: %s", data)
	}
}

// What lease and ledger add to a run that changes something, on an S3 with a
// latency of 10 ms.
func BenchmarkRun(b *testing.B) {
	bucket := newBucket(b)
	bucket.latency = 10 * time.Millisecond
	s := bucket.store()
	s.every = time.Hour
	n := 0
	for b.Loop() {
		n++
		l, err := s.Acquire(b.Context(), elsewhere(fmt.Sprint("run-", n)), Wait{})
		if err != nil {
			b.Fatal(err)
		}
		r := NewRecord(l.holder, "prod")
		r.Result = Done
		if err := errors.Join(l.Open(b.Context(), r), l.Close(b.Context(), r), l.Release(b.Context())); err != nil {
			b.Fatal(err)
		}
	}
}

// And to a plan.
func BenchmarkCheck(b *testing.B) {
	bucket := newBucket(b)
	bucket.latency = 10 * time.Millisecond
	s := bucket.store()
	for b.Loop() {
		if _, err := s.Check(b.Context(), "plan", Wait{}); err != nil {
			b.Fatal(err)
		}
	}
}
