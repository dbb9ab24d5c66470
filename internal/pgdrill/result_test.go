package pgdrill

import (
	"errors"
	"slices"
	"testing"
	"time"

	"infra/internal/drill"
)

func TestTimeline(t *testing.T) {
	t.Parallel()
	c := clusterOf(2, false)
	c.Data[0].Name, c.Data[1].Name = "one", "two"
	c.Routes = []Route{{"name", "postgresql.test.internal"}}
	o := failoverSeen()
	o.Journal = []Event{{At: second(12), Node: "two", Event: "fenced"}}
	line := newTimeline(c, o)
	client := line.Lanes[0].Spans
	if len(client) != 2 || client[0].Kind != "acknowledged" || client[0].To > 0.1 || client[1].From < 7.9 {
		t.Errorf("the client's spans: %+v", client)
	}
	if one := line.Lanes[1].Spans; len(one) != 2 || one[0].Kind != Writable || one[1].Kind != InStandby {
		t.Errorf("spans of the old primary: %+v", one)
	}
	if want := []drill.Mark{{At: 0, Label: "harm"}, {At: 2, Label: "two: fenced"}, {At: 25, Label: "healthy"}}; !slices.Equal(line.Marks, want) {
		t.Errorf("marks %+v, want %+v", line.Marks, want)
	}
	if line.From != -10 || line.To != 30 {
		t.Errorf("from %g to %g", line.From, line.To)
	}
}

func TestReportSumsUp(t *testing.T) {
	t.Parallel()
	kill := func(gap float64, passed bool) Result { return Result{Name: "kill", WriteGap: gap, Passed: passed} }
	for name, c := range map[string]struct {
		results []Result
		stopped error
		median  float64
		passed  bool
	}{
		"passed":                        {results: []Result{kill(9, true), kill(30, true), kill(11, true)}, median: 11, passed: true},
		"even":                          {results: []Result{kill(10, true), kill(12, true)}, median: 11, passed: true},
		"one failed":                    {results: []Result{kill(9, true), {Name: "hang"}}, median: 9},
		"the median is over the target": {results: []Result{kill(16, true)}, median: 16},
		"stopped early":                 {results: []Result{kill(9, true)}, stopped: errors.New("no"), median: 9},
		"without a killed server":       {results: []Result{{Name: "hang", Passed: true}}, passed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewReport("test", "run", time.Now(), clusterOf(2, false), 1, c.results, c.stopped)
			if r.Passed != c.passed || r.KillMedian != c.median || r.Schema != "infra/pg-drill/v1" || r.Nodes != 3 {
				t.Errorf("%+v", r)
			}
			if !r.Passed && r.Stopped == "" && r.Why() == "" {
				t.Error("it does not say why")
			}
		})
	}
}
