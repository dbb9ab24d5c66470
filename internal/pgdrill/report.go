package pgdrill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/drill"
)

// Report is the whole drill: infra/pg-drill/v1.
type Report struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Run         string    `json:"run"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"`
	Nodes       int       `json:"nodes"` // the witness among them
	Synchronous bool      `json:"synchronous"`
	Rounds      int       `json:"rounds"`
	Passed      bool      `json:"passed"`
	Stopped     string    `json:"stopped,omitempty"` // why it ended before its end
	SplitBrains int       `json:"split_brains"`      // scenarios in which two nodes took writes at the same time
	Lost        int       `json:"rows_lost"`
	RPO         float64   `json:"worst_rpo_seconds"`
	KillMedian  float64   `json:"kill_median_write_gap_seconds"` // 0 when no server was killed
	Results     []Result  `json:"scenarios"`
}

// killTarget is what the median write gap of a killed server may be.
const killTarget = 15 * time.Second

// NewReport sums the results up. stopped is why the drill ended early.
func NewReport(environment, run string, started time.Time, c Cluster, rounds int, results []Result, stopped error) Report {
	r := Report{
		Schema: "infra/pg-drill/v1", Environment: environment, Run: run, Started: started.UTC(), Ended: time.Now().UTC(),
		Nodes: len(c.Nodes()), Synchronous: c.Synchronous, Rounds: max(1, rounds), Passed: stopped == nil, Results: slices.Clone(results),
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
		r.Lost += result.Lost
		r.RPO = max(r.RPO, result.RPO)
		if result.TwoWritable {
			r.SplitBrains++
		}
		if result.Name == "kill" {
			kills = append(kills, result.WriteGap)
		}
	}
	r.KillMedian = drill.Median(kills)
	r.Passed = r.Passed && r.KillMedian <= killTarget.Seconds()
	return r
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

// Why says in a sentence why the drill did not pass.
func (r Report) Why() string {
	failed := r.Failed()
	if len(failed) == 0 {
		return fmt.Sprintf("the median write gap of a killed server is %.1f s, it may be %.0f s", r.KillMedian, killTarget.Seconds())
	}
	return "did not pass: " + strings.Join(failed, ", ")
}
