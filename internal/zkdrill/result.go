package zkdrill

import (
	"fmt"
	"slices"
	"time"

	"infra/internal/drill"
	"infra/internal/history"
)

// Observation is everything that was seen of a scenario.
type Observation struct {
	Began    time.Time // the clients' record counts from here
	Struck   time.Time
	Lasted   time.Time // when the harm ended; zero: at once
	Repaired time.Time // zero: not within the limit
	Ended    time.Time // of the clients
	Before   string    // who led
	After    string
	Samples  []Sample
	History  history.History
	Verdict  history.Verdict
	Problems []string
}

// Result is what a scenario came to, as the report has it. Times of the
// timeline are seconds from the moment of the harm.
type Result struct {
	Name      string         `json:"name"`
	Title     string         `json:"title"`
	Round     int            `json:"round"`
	Passed    bool           `json:"passed"`
	Findings  []string       `json:"findings"` // what is wrong; none: passed
	Expected  Outcome        `json:"expected"`
	Outcome   Outcome        `json:"outcome"`
	WriteGap  float64        `json:"write_gap_seconds"`       // without an acknowledged write of any client
	GapLimit  float64        `json:"write_gap_limit_seconds"` //
	ClientGap float64        `json:"client_gap_seconds"`      // of the client that was worst off
	Election  float64        `json:"leaderless_seconds"`      // without a server that says that it leads
	Repaired  float64        `json:"repaired_seconds"`        // 0: not by itself within the limit
	Before    string         `json:"leader_before"`           //
	After     string         `json:"leader_after"`            //
	Expired   int            `json:"sessions_expired"`        //
	Counts    history.Counts `json:"operations"`              // what the judgement rests on
	Struck    time.Time      `json:"struck"`
	Timeline  drill.Timeline `json:"timeline"`
}

func newResult(s Scenario, round int, e Ensemble, o Observation) Result {
	struck, ended := o.Struck.Sub(o.Began), o.Ended.Sub(o.Began)
	gap, _ := history.Gap(o.History.Operations, max(0, struck-time.Second), ended)
	r := Result{
		Name: s.Name, Title: s.Title, Round: round, Expected: s.expect.Outcome, Outcome: Stays, WriteGap: gap.Seconds(), GapLimit: s.expect.Gap.Seconds(),
		Before: o.Before, After: o.After, Counts: o.Verdict.Counts, Struck: o.Struck.UTC(), Election: leaderless(o), Timeline: timeline(e, o),
	}
	for client, operations := range history.ByClient(o.History.Operations) {
		if client < clients {
			worst, _ := history.Gap(operations, max(0, struck-time.Second), ended)
			r.ClientGap = max(r.ClientGap, worst.Seconds())
		}
	}
	for _, end := range o.History.Sessions {
		if end.Reason == "expired" {
			r.Expired++
		}
	}
	if o.Before != o.After {
		r.Outcome = Moves
	}
	if !o.Repaired.IsZero() {
		r.Repaired = o.Repaired.Sub(o.Struck).Seconds()
	}
	r.Findings = Judge(s.expect, r, o)
	r.Passed = len(r.Findings) == 0
	return r
}

// Judge compares what came of a scenario with what must come of it.
func Judge(e Expectation, r Result, o Observation) []string {
	findings := slices.Clone(o.Problems)
	if r.Repaired == 0 {
		findings = append(findings, fmt.Sprintf("it was not whole again within %.0f s", e.Repaired.Seconds()))
	}
	if e.Outcome != Either && r.Outcome != e.Outcome {
		findings = append(findings, fmt.Sprintf("%s was expected, and %s led before, %s after", e.Outcome, named(r.Before), named(r.After)))
	}
	if r.WriteGap > r.GapLimit {
		findings = append(findings, fmt.Sprintf("no write was acknowledged for %.1f s, the limit is %.0f s", r.WriteGap, r.GapLimit))
	}
	findings = append(findings, o.Verdict.Findings...)
	for _, text := range o.Verdict.Undecided {
		findings = append(findings, "not judged: "+text)
	}
	if findings == nil {
		findings = []string{}
	}
	return findings
}

func named(server string) string {
	if server == "" {
		return "nobody"
	}
	return server
}

// line is the result in a line, for the progress.
func (r Result) line() string {
	word := "passed"
	if !r.Passed {
		word = "FAILED: " + shown(r.Findings)
	}
	return fmt.Sprintf("%s: %s, write gap %.1f s (worst client %.1f s), %d operations, %d unknown, healthy after %.0f s: %s",
		r.Name, r.Outcome, r.WriteGap, r.ClientGap, r.Counts.Operations, r.Counts.Unknown, r.Repaired, word)
}

// leaderless is the longest time from the harm on in which no watcher saw a
// leader.
func leaderless(o Observation) float64 {
	last, longest := o.Struck, time.Duration(0)
	for _, s := range o.Samples {
		if s.At.Before(o.Struck) || s.Mode != "leader" && s.Mode != "standalone" {
			continue
		}
		longest = max(longest, s.At.Sub(last))
		last = s.At
	}
	return longest.Seconds()
}

// timeline draws the observation together.
func timeline(e Ensemble, o Observation) drill.Timeline {
	at := func(t time.Time) float64 { return float64(t.Sub(o.Struck).Milliseconds()) / 1000 }
	line := drill.NewTimeline(at(o.Began), at(o.Ended))
	byClient := history.ByClient(o.History.Operations)
	for number := range clients {
		lane := drill.NewLane(fmt.Sprintf("client %d, writes", number))
		for _, op := range byClient[number] {
			if op.Outcome == history.OK && op.Kind != history.Read && op.Kind != history.SettledRead {
				lane.Add(at(o.Began.Add(op.Start)), at(o.Began.Add(op.End)), "acknowledged", time.Second)
			}
		}
		line.Lanes = append(line.Lanes, *lane)
	}
	for _, host := range e.Servers {
		lane := drill.NewLane(host.Name)
		for _, s := range o.Samples {
			if s.Server == host.Name {
				lane.Add(at(s.At), at(s.At), s.Mode, 1500*time.Millisecond)
			}
		}
		line.Lanes = append(line.Lanes, *lane)
	}
	if !o.Lasted.IsZero() {
		line.Mark(at(o.Lasted), "harm over")
	}
	if !o.Repaired.IsZero() {
		line.Mark(at(o.Repaired), "whole again")
	}
	for _, end := range o.History.Sessions {
		if end.Reason == "expired" {
			line.Mark(at(o.Began.Add(end.Ended)), fmt.Sprintf("client %d: session expired", end.Client))
		}
	}
	return line
}
