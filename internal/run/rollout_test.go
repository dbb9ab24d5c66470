package run

import (
	"testing"
	"time"
)

const rollout = "20261122T083015Z-1f2e3d"

// A roll-out's run is found from the moment that it holds the lease, whatever
// it has written by then; those of others are not.
func TestOfRollout(t *testing.T) {
	b := newBucket(t)
	found := func(id string) (run string, result Result) {
		t.Helper()
		records, err := b.store().OfRollout(t.Context(), id)
		if err != nil || len(records) > 1 {
			t.Fatalf("%+v, %v", records, err)
		}
		if len(records) == 0 {
			return "", ""
		}
		return records[0].Run, records[0].Result
	}
	wanted := func(run string, result Result) {
		t.Helper()
		if gotRun, got := found(rollout); gotRun != run || got != result {
			t.Errorf("run %q is %q, want %q is %q", gotRun, got, run, result)
		}
	}
	wanted("", "")
	h := elsewhere("one")
	h.Rollout = rollout
	l := acquire(t, b.store(), h, Wait{})
	wanted("one", Running)
	r := NewRecord(h, "prod")
	if err := l.Open(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	wanted("one", Running)
	r.Result = Done
	if err := l.Close(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	wanted("one", Done)
	if run, _ := found("20261122T083016Z-000000"); run != "" {
		t.Errorf("another roll-out has run %s", run)
	}
	if _, err := b.store().OfRollout(t.Context(), "yesterday"); err == nil {
		t.Error("what is no id was looked for")
	}
}

func TestRolloutBegan(t *testing.T) {
	if began, ok := RolloutBegan(rollout); !ok || began.Format(time.RFC3339) != "2026-11-22T08:30:15Z" {
		t.Errorf("%s began %s, %v", rollout, began, ok)
	}
	for _, id := range []string{"", "20261322T083015Z-1f2e3d", "lock"} {
		if _, ok := RolloutBegan(id); ok {
			t.Errorf("%q has begun", id)
		}
	}
}

func TestValidRollout(t *testing.T) {
	for id, want := range map[string]bool{rollout: true, "": false, "../x": false, "20261122T083015Z": false, rollout + "/..": false} {
		if ValidRollout(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
