package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/fleet"
)

// noon is that of a Saturday.
func noon() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

const night = "sat 22:00-23:00 UTC"

// rollout reads environments such as "a0:done b1 c1:running d2@night":
// name, wave, state, and whether only the night may change it.
func rollout(policy fleet.Policy, text string) *fleet.Rollout {
	r := &fleet.Rollout{Policy: policy}
	for _, word := range strings.Fields(text) {
		word, atNight := strings.CutSuffix(word, "@night")
		name, state, _ := strings.Cut(word, ":")
		e := fleet.Environment{Name: name[:1], Wave: int(name[1] - '0'), State: fleet.Waiting}
		if state != "" {
			e.State = fleet.State(state)
		}
		if atNight {
			e.Maintenance = []string{night}
		}
		if e.State == fleet.Failed {
			e.Exit = fault.Failed
		}
		r.Environments = append(r.Environments, e)
	}
	return r
}

func TestNext(t *testing.T) {
	two := fleet.Policy{Parallel: 2}
	for _, c := range []struct {
		name, environments string
		policy             fleet.Policy
		paused             bool
		start, opens       string
		over               bool
	}{
		{name: "a wave at once", environments: "a1 b1 c1 d2", start: "a b c"},
		{name: "no more than may go at once", environments: "a1 b1 c1", policy: two, start: "a b"},
		{name: "what runs counts", environments: "a1:running b1 c1", policy: two, start: "b"},
		{name: "the canary alone", environments: "a0 b1", start: "a"},
		{name: "while it runs, nothing", environments: "a0:running b1"},
		{name: "after it, the rest", environments: "a0:done b1", start: "b"},
		{name: "a wave waits for the one before", environments: "a1:done b1:running c2"},
		{name: "and begins when that has ended", environments: "a1:done b1:done c2", start: "c"},
		{name: "a failure within the budget", environments: "a1:failed b2", policy: fleet.Policy{MaxFailures: 1}, start: "b"},
		{name: "one above it", environments: "a1:failed b1:failed c1", policy: fleet.Policy{MaxFailures: 1}, over: true},
		{name: "what runs may end", environments: "a1:failed b1:running c1"},
		{name: "a canary has no budget", environments: "a0:failed b1", policy: fleet.Policy{MaxFailures: 5}, over: true},
		{name: "paused", environments: "a1:running b1", paused: true},
		{name: "paused, but there is nothing left", environments: "a1:done", paused: true, over: true},
		{name: "all done", environments: "a1:done b2:done", over: true},
		{name: "nobody says how it ended", environments: "a1:interrupted b2", over: true},
		{name: "outside of its window it is passed over", environments: "a1@night b1 c2", start: "b"},
		{name: "it does not hold up the next wave", environments: "a1@night b1:done c2", start: "c"},
		{name: "only deferred ones are left", environments: "a1@night b1:done", over: true},
		{name: "a deferred canary holds up all", environments: "a0@night b1", over: true},
		{name: "waiting for the window", environments: "a1@night b1:done c2", policy: fleet.Policy{Windows: fleet.Wait}, opens: "22:00"},
		{name: "and the rest of the wave goes on", environments: "a1@night b1 c2", policy: fleet.Policy{Windows: fleet.Wait}, start: "b", opens: "22:00"},
		{name: "whatever the window", environments: "a1@night b1", policy: fleet.Policy{Windows: fleet.Ignore}, start: "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rollout(c.policy, c.environments)
			r.Paused = c.paused
			step := r.Next(noon())
			opens := ""
			if !step.Wake.IsZero() {
				opens = step.Wake.Format("15:04")
			}
			if got := strings.Join(step.Start, " "); got != c.start || opens != c.opens || step.Over != c.over {
				t.Errorf("start %q, window %q, over %v; want %q, %q, %v", got, opens, step.Over, c.start, c.opens, c.over)
			}
		})
	}
}

func TestBeginAndEnd(t *testing.T) {
	r := rollout(fleet.Policy{}, "a1 b1")
	if err := r.End("a", fleet.Outcome{}, noon()); err == nil {
		t.Error("what has not begun has ended")
	}
	if err := r.Begin("a", noon()); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin("a", noon()); err == nil {
		t.Error("it has begun twice")
	}
	if err := r.End("a", fleet.Outcome{Run: "r1", Applied: 3}, noon().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin("a", noon()); err == nil {
		t.Error("what is done has begun again")
	}
	if err := r.Begin("z", noon()); err == nil {
		t.Error("an unknown one has begun")
	}
	if e := r.Environments[0]; e.State != fleet.Done || e.Run != "r1" || e.Applied != 3 || e.Ended.Sub(e.Begun) != time.Minute {
		t.Errorf("%+v", e)
	}
}

func TestAgain(t *testing.T) {
	states := func(r *fleet.Rollout) string {
		var words []string
		for _, e := range r.Environments {
			words = append(words, string(e.State))
		}
		return strings.Join(words, " ")
	}
	const before = "a1:done b1:failed c1:running d1:interrupted e2"
	r := rollout(fleet.Policy{}, before)
	r.Paused = true
	r.Again(false)
	if got := states(r); got != "done failed waiting waiting waiting" || r.Paused {
		t.Errorf("%s, paused %v", got, r.Paused)
	}
	r = rollout(fleet.Policy{}, before)
	r.Environments[1].Run, r.Environments[1].Error = "r1", "it broke"
	r.Again(true)
	if e := r.Environments[1]; states(r) != "done waiting waiting waiting waiting" || e.Error != "" || fmt.Sprint(e.Past) != "[r1]" {
		t.Errorf("%s, %+v", states(r), e)
	}
}

func TestCodeAndWord(t *testing.T) {
	for _, c := range []struct {
		environments, words string
		code                fault.Code
	}{
		{"a1:done", "done", fault.OK},
		{"a1:failed b1:done c2", "failed, done, not begun", fault.Failed},
		{"a1:interrupted b1", "interrupted, not begun", fault.Interrupted},
		{"a1:done b1@night", "done, deferred", fault.Refused},
		{"a0@night b1", "deferred, not begun", fault.Refused},
	} {
		r := rollout(fleet.Policy{}, c.environments)
		r.Ended = noon()
		var words []string
		for _, e := range r.Environments {
			words = append(words, r.Word(e, noon()))
		}
		if got := strings.Join(words, ", "); got != c.words || r.Code() != c.code {
			t.Errorf("%s: %s, exit %d; want %s, %d", c.environments, got, r.Code(), c.words, c.code)
		}
	}
	r := rollout(fleet.Policy{}, "a1:failed b1:failed")
	r.Environments[0].Exit, r.Environments[1].Exit = fault.Locked, fault.Locked
	if r.Code() != fault.Locked {
		t.Errorf("failures of one kind: exit %d", r.Code())
	}
	r.Environments[1].Exit = fault.Hosts
	if r.Code() != fault.Failed {
		t.Errorf("failures of two kinds: exit %d", r.Code())
	}
}

// What was begun may have moved on from its plan: it is approved anew. What
// nobody has said the end of is not: its ledger knows.
func TestPlansAreApproved(t *testing.T) {
	r := rollout(fleet.Policy{MaxFailures: 9}, "a1 b1:failed c1:interrupted d1:running e1:done f1")
	if got := r.Unapproved(); len(got) != 0 {
		t.Errorf("nobody wants to approve %v", got)
	}
	r.Planned = true
	for i := range r.Environments[1:5] {
		r.Environments[i+1].Plan = "s3://bucket/old"
	}
	if err := r.Approve("a", "s3://bucket/a"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "e", "z"} {
		if err := r.Approve(name, "s3://bucket/other"); err == nil {
			t.Errorf("another plan of %s was approved", name)
		}
	}
	if err := r.Refuse("f", fleet.Outcome{Exit: fault.Refused, Error: "its plan"}, noon()); err != nil || r.Environments[5].State != fleet.Failed {
		t.Errorf("refused: %v, %+v", err, r.Environments[5])
	}
	r.Again(false)
	if got := strings.Join(r.Unapproved(), " "); got != "c" {
		t.Errorf("to approve: %s", got)
	}
	r.Again(true)
	if got := strings.Join(r.Unapproved(), " "); got != "b c f" {
		t.Errorf("to approve with what has failed: %s", got)
	}
}
