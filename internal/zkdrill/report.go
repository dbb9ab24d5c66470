package zkdrill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/drill"
)

// Report is the whole drill: infra/zk-drill/v1.
type Report struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Run         string    `json:"run"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"`
	Servers     int       `json:"servers"`
	Rounds      int       `json:"rounds"`
	Passed      bool      `json:"passed"`
	Stopped     string    `json:"stopped,omitempty"`              // why it ended before its end
	KillMedian  float64   `json:"kill_median_write_gap_seconds"`  // of the killed leader; 0 when none was
	HangWorst   float64   `json:"silent_worst_write_gap_seconds"` // of a leader that hung or was cut off
	Operations  int       `json:"operations"`
	Answers     []Answer  `json:"answers"`
	Results     []Result  `json:"scenarios"`
}

// Answer is one of the questions that a drill is for, answered by what was
// measured.
type Answer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// NewReport sums the results up. stopped is why the drill ended early.
func NewReport(environment, run string, started time.Time, e Ensemble, rounds int, results []Result, stopped error) Report {
	r := Report{
		Schema: "infra/zk-drill/v1", Environment: environment, Run: run, Started: started.UTC(), Ended: time.Now().UTC(),
		Servers: len(e.Servers), Rounds: max(1, rounds), Passed: stopped == nil, Results: slices.Clone(results),
	}
	if r.Results == nil {
		r.Results = []Result{}
	}
	if stopped != nil {
		r.Stopped = stopped.Error()
	}
	var kills []float64
	for _, result := range results {
		r.Passed = r.Passed && result.Passed
		r.Operations += result.Counts.Operations
		switch result.Name {
		case "kill-leader":
			kills = append(kills, result.WriteGap)
		case "hang-leader", "cut-leader", "cut-leader-out", "unreachable-leader": // but for one that is deaf
			r.HangWorst = max(r.HangWorst, result.WriteGap)
		}
	}
	r.KillMedian = drill.Median(kills)
	r.Answers = answers(results)
	return r
}

// answers are those to the three questions of whoever runs an ensemble for the
// first time.
func answers(results []Result) []Answer {
	worst := func(names ...string) (text string) {
		gap, passed, ran := 0.0, 0, 0
		for _, r := range results {
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(r.Name, n) }) {
				ran++
				gap = max(gap, r.WriteGap)
				if r.Passed {
					passed++
				}
			}
		}
		if ran == 0 {
			return "not tried in this drill"
		}
		return fmt.Sprintf("writes waited %.1f s at most; %d of %d trials passed", gap, passed, ran)
	}
	return []Answer{
		{"How does the ensemble behave when servers are disconnected?", "A minority without the leader: " + worst("cut-minority") +
			". The leader: " + worst("cut-leader", "unreachable-leader") + ". Every server from every other, for half a minute: " + worst("cut-majority") + "."},
		{"Are servers that come back, or are new, taken in by themselves?", "Killed, hung, stopped and rebooted servers, until the ensemble was whole again: " +
			worst("kill-", "hang-", "stop-", "reboot-") + ". New servers are taken in by infra apply."},
		{"Does leadership move when the leader is not well?", "Killed, or its host stopped: " + worst("kill-leader", "stop-leader") +
			". Hung: " + worst("hang-leader") + ". Its disk full, stalled or slow: " + worst("disk-full-leader", "disk-stall-leader", "disk-slow-leader") + "."},
	}
}

// Failed are the names of the scenarios that did not pass, each once.
func (r Report) Failed() []string {
	var names []string
	for _, result := range r.Results {
		if !result.Passed && !slices.Contains(names, result.Name) {
			names = append(names, result.Name)
		}
	}
	return names
}
