package pgdrill

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/drill"
)

// Result is what a scenario came to, as the report has it. Times of the
// timeline are seconds from the moment of the harm.
type Result struct {
	Name         string             `json:"name"`
	Title        string             `json:"title"`
	Round        int                `json:"round"`
	Passed       bool               `json:"passed"`
	Findings     []string           `json:"findings"` // what is wrong; none: passed
	Expected     Outcome            `json:"expected"`
	Outcome      Outcome            `json:"outcome"`
	WriteGap     float64            `json:"write_gap_seconds"` // the longest of the routes'
	Gaps         map[string]float64 `json:"write_gap_seconds_by_route"`
	GapLimit     float64            `json:"write_gap_limit_seconds"`
	GapTarget    float64            `json:"write_gap_target_seconds,omitempty"`
	Acknowledged int                `json:"rows_acknowledged"`
	Lost         int                `json:"rows_lost"`
	Duplicate    int                `json:"rows_duplicate"`
	Unsure       int                `json:"rows_unacknowledged_but_written"`
	RPO          float64            `json:"rpo_seconds"`
	TwoWritable  bool               `json:"two_writable"`
	Before       string             `json:"primary_before"`
	After        string             `json:"primary_after"`
	Owners       []string           `json:"elastic_address_on"` // in the end; null without an elastic address
	Repaired     float64            `json:"repaired_seconds"`   // 0: not by itself within the limit
	Struck       time.Time          `json:"struck"`
	Timeline     drill.Timeline     `json:"timeline"`
}

func newResult(s Scenario, round int, c Cluster, o Observation, v Verdict, struck error) Result {
	if struck != nil {
		v.Findings = append(v.Findings, struck.Error())
	}
	e := s.expect(c)
	r := Result{
		Name: s.Name, Title: s.Title, Round: round, Passed: v.Passed(), Findings: v.Findings,
		Expected: e.Outcome, Outcome: v.Outcome, WriteGap: v.WriteGap(), Gaps: v.Gaps, GapLimit: e.Gap.Seconds(), GapTarget: e.Target.Seconds(),
		Acknowledged: v.Acknowledged, Lost: v.Lost, Duplicate: v.Duplicate, Unsure: v.Unsure, RPO: v.RPO,
		TwoWritable: len(twoWritable(o.Samples)) > 0, Before: o.Before, After: o.After, Repaired: v.Repaired, Struck: o.Struck.UTC(),
		Timeline: newTimeline(c, o),
	}
	if len(o.Looks) > 0 {
		r.Owners = o.Looks[len(o.Looks)-1].Owners
	}
	return r
}

// line is the result in a line, for the progress.
func (r Result) line() string {
	word := "passed"
	if !r.Passed {
		word = "FAILED: " + strings.Join(r.Findings, "; ")
	}
	return fmt.Sprintf("%s: %s, write gap %.1f s, %d of %d acknowledged rows lost, healthy after %.0f s: %s",
		r.Name, r.Outcome, r.WriteGap, r.Lost, r.Acknowledged, r.Repaired, word)
}

// joined is how far apart two samples of the same kind may be and still be
// one span.
const joined = 1500 * time.Millisecond

// newTimeline draws the observation together.
func newTimeline(c Cluster, o Observation) drill.Timeline {
	at := func(t time.Time) float64 { return float64(t.Sub(o.Struck).Milliseconds()) / 1000 }
	line := drill.NewTimeline(at(o.Started), at(o.Ended))
	for _, route := range c.Routes {
		lane := drill.NewLane("client, " + route.Name)
		for _, a := range o.Attempts {
			if a.OK && a.Route == route.Name {
				lane.Add(at(a.Start), at(a.End), "acknowledged", time.Second)
			}
		}
		line.Lanes = append(line.Lanes, *lane)
	}
	for _, host := range c.Data {
		lane := drill.NewLane(host.Name)
		for _, s := range o.Samples {
			if s.Node == host.Name {
				lane.Add(at(s.Start), at(s.End), s.State, joined)
			}
		}
		line.Lanes = append(line.Lanes, *lane)
	}
	owners, power := drill.NewLane("elastic address"), drill.NewLane("stopped hosts")
	for _, look := range o.Looks {
		for _, name := range look.Owners {
			owners.Add(at(look.At), at(look.At), name, 3*time.Second)
		}
		for name, state := range look.States {
			if state != "running" {
				power.Add(at(look.At), at(look.At), name, 3*time.Second)
			}
		}
	}
	line.Lanes = append(line.Lanes, *owners, *power)
	for _, e := range o.Journal {
		line.Mark(at(e.At), e.Node+": "+e.Event)
	}
	if !o.Lasted.IsZero() {
		line.Mark(at(o.Lasted), "harm over")
	}
	if !o.Repaired.IsZero() {
		line.Mark(at(o.Repaired), "healthy")
	}
	return line
}
