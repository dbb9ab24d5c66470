package zkdrill

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"infra/internal/history"
	"infra/internal/inventory"
)

// The list of the issue: none may get lost.
func TestScenariosAreComplete(t *testing.T) {
	t.Parallel()
	want := []string{
		"kill-leader", "kill-follower", "hang-leader", "hang-follower", "stop-leader", "reboot-all", "restart",
		"cut-leader", "cut-leader-out", "cut-leader-in", "cut-minority", "cut-majority", "unreachable-leader",
		"disk-full-leader", "disk-full-follower", "disk-stall-leader", "disk-slow-leader", "clock-jump",
	}
	var got []string
	for _, s := range Scenarios(0) {
		got = append(got, s.Name)
		if s.Title == "" || s.inflict == nil || !regexp.MustCompile(`^[a-z-]+$`).MatchString(s.Name) || s.expect.Gap <= 0 || s.expect.Repaired <= s.lasts {
			t.Errorf("scenario %+v is not whole", s)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("scenarios %q, want %q", got, want)
	}
	for _, s := range Scenarios(1) {
		if s.needs > 1 {
			t.Errorf("%s is for an ensemble of %d", s.Name, s.needs)
		}
	}
}

// seen is a scenario that went well: the leader was lost two seconds after the
// clients began, and writes went on a second later.
func seen() Observation {
	began := time.Now()
	o := Observation{
		Began: began, Struck: began.Add(2 * time.Second), Repaired: began.Add(12 * time.Second), Ended: began.Add(14 * time.Second),
		Before: "zookeeper-1", After: "zookeeper-2",
	}
	for at := 100 * time.Millisecond; at < 14*time.Second; at += 100 * time.Millisecond {
		if at > 2*time.Second && at < 3*time.Second {
			continue
		}
		o.History.Operations = append(o.History.Operations, history.Operation{Kind: history.Write, Outcome: history.OK, Start: at - time.Millisecond, End: at})
	}
	for at := time.Duration(0); at < 14*time.Second; at += 200 * time.Millisecond {
		mode := "leader"
		if at > 2*time.Second && at < 3*time.Second {
			mode = Electing
		}
		o.Samples = append(o.Samples, Sample{At: began.Add(at), Server: "zookeeper-2", Mode: mode})
	}
	return o
}

func TestJudge(t *testing.T) {
	t.Parallel()
	e := Ensemble{Servers: []inventory.Host{{Name: "zookeeper-1"}, {Name: "zookeeper-2"}}}
	for name, c := range map[string]struct {
		expect Expectation
		change func(*Observation)
		wrong  string
	}{
		"well":                {expect: expect(Moves, electionLimit)},
		"too long a gap":      {expect: expect(Moves, 500*time.Millisecond), wrong: "no write was acknowledged for 1.0 s"},
		"leadership moved":    {expect: expect(Stays, electionLimit), wrong: "zookeeper-1 led before, zookeeper-2 after"},
		"never whole again":   {expect: expect(Moves, electionLimit), change: func(o *Observation) { o.Repaired = time.Time{} }, wrong: "not whole again within 240 s"},
		"the history is bad":  {expect: expect(Moves, electionLimit), change: func(o *Observation) { o.Verdict.Findings = []string{"a write was lost"} }, wrong: "a write was lost"},
		"nobody can tell":     {expect: expect(Moves, electionLimit), change: func(o *Observation) { o.Verdict.Undecided = []string{"too many"} }, wrong: "not judged: too many"},
		"the harm was undone": {expect: expect(Moves, electionLimit), change: func(o *Observation) { o.Problems = []string{"do cut: no"} }, wrong: "do cut: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := seen()
			if c.change != nil {
				c.change(&o)
			}
			r := newResult(Scenario{Name: "kill-leader", expect: c.expect}, 1, e, o)
			if r.Passed != (c.wrong == "") || c.wrong != "" && !strings.Contains(strings.Join(r.Findings, "; "), c.wrong) {
				t.Errorf("passed: %t, findings %q", r.Passed, r.Findings)
			}
			if r.WriteGap < 0.99 || r.WriteGap > 1.1 || r.Election < 0.9 || r.Election > 1.3 {
				t.Errorf("write gap %.2f s, without a leader %.2f s", r.WriteGap, r.Election)
			}
		})
	}
}

func TestReportAnswers(t *testing.T) {
	t.Parallel()
	results := []Result{
		{Name: "kill-leader", Passed: true, WriteGap: 1.2},
		{Name: "kill-leader", Passed: true, WriteGap: 9},
		{Name: "kill-leader", Passed: true, WriteGap: 1.4},
		{Name: "cut-leader", Passed: true, WriteGap: 11.5},
		{Name: "cut-minority", WriteGap: 0.3},
	}
	r := NewReport("test", "run", time.Now(), Ensemble{}, 3, results, nil)
	if r.Passed || r.KillMedian != 1.4 || r.HangWorst != 11.5 || !slices.Equal(r.Failed(), []string{"cut-minority"}) {
		t.Errorf("%+v", r)
	}
	if text := r.Answers[0].Answer; !strings.Contains(text, "writes waited 11.5 s at most; 1 of 1 trials passed") || !strings.Contains(text, "0.3 s at most; 0 of 1") {
		t.Errorf("the first answer is %q", text)
	}
	if text := r.Answers[2].Answer; !strings.Contains(text, "Hung: not tried in this drill") {
		t.Errorf("the third answer is %q", text)
	}
}

// Only the ensemble can say that something was not done.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]history.Outcome{
		nil: history.OK, zk.ErrBadVersion: history.Failed, zk.ErrNodeExists: history.Failed, zk.ErrNoNode: history.Failed,
		zk.ErrConnectionClosed: history.Unknown, zk.ErrSessionExpired: history.Unknown, zk.ErrNoServer: history.Unknown, errors.New("other"): history.Unknown,
	} {
		if got := outcome(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

// Clients begin at different servers and go round.
func TestOrderOfServers(t *testing.T) {
	t.Parallel()
	o := &order{servers: []string{"a", "b", "c"}, tried: 0, worked: -1} // begins at b
	var got []string
	for range 3 {
		server, _ := o.Next()
		got = append(got, server)
	}
	if !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("tried %v", got)
	}
	o.Connected()
	for i, want := range []bool{false, false, true} {
		if server, around := o.Next(); around != want {
			t.Errorf("%d: %s, all tried: %t", i, server, around)
		}
	}
}
