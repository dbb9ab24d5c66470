package install

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestRecord(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	r := NewRecord("acme", at)
	if r.Interrupted() != "" || r.Done(Preflight) {
		t.Errorf("a new record says %+v", r)
	}
	r.Begin(Preflight, minute(0))
	r.End(Preflight, minute(1), true)
	r.Begin(Apply, minute(1))
	if r.Interrupted() != Apply || r.Done(Apply) {
		t.Errorf("while it applies: %q", r.Interrupted())
	}
	r.Begin(Apply, minute(10)) // it was killed, and begun again
	r.End(Apply, minute(14), false)
	if r.Interrupted() != "" || r.Done(Apply) {
		t.Errorf("what failed was not interrupted and is not done: %+v", r)
	}
	r.Begin(Apply, minute(20))
	r.End(Apply, minute(25), true)
	for _, again := range []int{30, 60} {
		r.Begin(Acceptance, minute(again))
		r.End(Acceptance, minute(again+1), true)
	}
	if !r.Accepted.Equal(minute(31)) {
		t.Errorf("it was accepted for the first time at %s", r.Accepted)
	}
	want := []PhaseRecord{
		{Preflight, minute(0), minute(1), "done", 1}, {Apply, minute(20), minute(25), "done", 3}, {Acceptance, minute(60), minute(61), "done", 2},
	}
	if !reflect.DeepEqual(r.Phases, want) || r.Phases[1].Took() != 5*time.Minute {
		t.Errorf("phases\n%+v\nwant\n%+v", r.Phases, want)
	}
	text, err := json.Marshal(r)
	var back Record
	if err != nil || json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(*r, back) {
		t.Errorf("it does not survive being written down: %s, %v", text, err)
	}
}
