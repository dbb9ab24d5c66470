package pgdrill

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Outcome is what became of the primary.
type Outcome string

// The outcomes.
const (
	Failover Outcome = "failover"    // another node is the primary
	Stay     Outcome = "no failover" // the same node is the primary all along
	Either   Outcome = "either"      // only expected, never found: both are right
	Lost     Outcome = "no primary"  // nobody takes writes at the end
)

// Expectation is what a scenario must come to.
type Expectation struct {
	Outcome  Outcome
	Gap      time.Duration // longest time between two acknowledged writes of a route
	Target   time.Duration // what the gap should be; nothing fails by it
	NotYet   bool          // no promotion while the harm lasts
	Never    string        // a node that must not become the primary
	Repaired time.Duration // from the harm until everything is healthy again
}

// Verdict is what Judge makes of an observation.
type Verdict struct {
	Outcome      Outcome
	Findings     []string           // what is wrong; none: passed
	Gaps         map[string]float64 // seconds, by route
	Acknowledged int
	Lost         int     // acknowledged and not in the table
	Duplicate    int     // in the table more than once
	Unsure       int     // not acknowledged and in the table all the same, which is allowed
	RPO          float64 // seconds from the last acknowledged write that is there to the last that is lost
	Repaired     float64 // seconds from the harm until everything was healthy; 0: not in time
}

// Passed says whether everything held.
func (v Verdict) Passed() bool { return len(v.Findings) == 0 }

// WriteGap is the longest of the gaps, in seconds.
func (v Verdict) WriteGap() float64 {
	longest := 0.0
	for _, gap := range v.Gaps {
		longest = max(longest, gap)
	}
	return longest
}

// Judge compares what was seen with what was expected. synchronous says that
// no acknowledged row may be lost even by a failover.
func Judge(e Expectation, o Observation, synchronous bool) Verdict {
	v := Verdict{Gaps: map[string]float64{}, Findings: []string{}}
	if o.Struck.IsZero() {
		v.Findings = append(v.Findings, "the harm could not be done")
	}
	v.judgeOutcome(e, o)
	v.judgeGaps(e, o)
	v.judgeRows(o, synchronous)
	v.Findings = append(v.Findings, twoWritable(o.Samples)...)
	v.judgeOwner(o)
	v.judgeRepair(e, o)
	return v
}

func (v *Verdict) wrong(format string, args ...any) {
	v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
}

// judgeOutcome goes by who took writes in the course of the scenario, not
// only at its end: a failover and back is two.
func (v *Verdict) judgeOutcome(e Expectation, o Observation) {
	v.Outcome = Stay
	first := time.Time{} // of a write on another node
	for _, s := range o.Samples {
		if s.State != Writable || s.Node == o.Before {
			continue
		}
		v.Outcome = Failover
		if first.IsZero() || s.End.Before(first) {
			first = s.End
		}
		if s.Node == e.Never {
			v.wrong("%s became the primary, which it never may here", s.Node)
			e.Never = ""
		}
	}
	if o.After == "" {
		v.Outcome = Lost
	}
	if v.Outcome == Lost || e.Outcome != Either && v.Outcome != e.Outcome {
		v.wrong("the outcome is %s, expected was %s", v.Outcome, e.Outcome)
	}
	if e.NotYet && !first.IsZero() && first.Before(o.Lasted.Add(-time.Second)) {
		v.wrong("a node was promoted %.1f s before that could be safe", o.Lasted.Sub(first).Seconds())
	}
}

// judgeGaps finds for every route the longest time without an acknowledged
// write. One that is still open at the end counts too.
func (v *Verdict) judgeGaps(e Expectation, o Observation) {
	last := map[string]time.Time{}
	for _, a := range o.Attempts {
		if _, seen := last[a.Route]; !seen {
			last[a.Route], v.Gaps[a.Route] = a.Start, 0
		}
		if a.OK {
			v.Gaps[a.Route] = max(v.Gaps[a.Route], a.End.Sub(last[a.Route]).Seconds())
			last[a.Route] = a.End
			v.Acknowledged++
		}
	}
	for route, at := range last {
		v.Gaps[route] = max(v.Gaps[route], o.Ended.Sub(at).Seconds())
	}
	if len(last) == 0 {
		v.wrong("the client wrote nothing")
	}
	for _, route := range slices.Sorted(maps.Keys(v.Gaps)) {
		if gap := v.Gaps[route]; gap > e.Gap.Seconds() {
			v.wrong("no write was acknowledged by way of the %s address for %.1f s, the limit is %.0f s", route, gap, e.Gap.Seconds())
		}
	}
}

func (v *Verdict) judgeRows(o Observation, synchronous bool) {
	present := map[string]map[int]int{}
	for route, numbers := range o.Present {
		present[route] = map[int]int{}
		for _, n := range numbers {
			present[route][n]++
			if present[route][n] == 2 {
				v.Duplicate++
			}
		}
	}
	kept, since, last := map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{} // by route
	for _, a := range o.Attempts {
		switch found := present[a.Route][a.Number] > 0; {
		case a.OK && !found:
			v.Lost++
			if _, began := since[a.Route]; !began {
				since[a.Route] = cmp.Or(kept[a.Route], a.Start)
			}
			last[a.Route] = a.End
		case a.OK:
			kept[a.Route] = a.End
		case !a.OK && found && a.Sent:
			v.Unsure++
		case !a.OK && found:
			v.wrong("row %d of %s is in the table and was never sent", a.Number, a.Route)
		}
	}
	for route, end := range last {
		v.RPO = max(v.RPO, end.Sub(since[route]).Seconds())
	}
	if v.Duplicate > 0 {
		v.wrong("%d rows are in the table more than once", v.Duplicate)
	}
	switch {
	case v.Lost == 0:
	case o.Present == nil:
		v.wrong("the table could not be read, so nothing is known of %d acknowledged rows", v.Lost)
		v.Lost = 0
	case synchronous:
		v.wrong("%d acknowledged rows are lost, in synchronous mode", v.Lost)
	case v.Outcome == Stay:
		v.wrong("%d acknowledged rows are lost without any failover", v.Lost)
	}
}

// judgeOwner wants the elastic address on one node at most all the time, and
// on the primary in the end.
func (v *Verdict) judgeOwner(o Observation) {
	for _, look := range o.Looks {
		if len(look.Owners) > 1 {
			v.wrong("the address was on %s at the same time", strings.Join(look.Owners, " and "))
			break
		}
	}
	if len(o.Looks) == 0 {
		return
	}
	end := o.Looks[len(o.Looks)-1]
	if end.Owners != nil && o.After != "" && !slices.Equal(end.Owners, []string{o.After}) {
		v.wrong("in the end the address is on %s, the primary is %s", nodesOrNobody(end.Owners), o.After)
	}
	if len(end.Fenced) > 0 {
		v.wrong("%s still carries the mark of the fence", strings.Join(end.Fenced, " and "))
	}
}

func nodesOrNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, " and ")
}

func (v *Verdict) judgeRepair(e Expectation, o Observation) {
	if o.Struck.IsZero() {
		return
	}
	if o.Repaired.IsZero() {
		v.wrong("not healthy again by itself within %s: %s", e.Repaired, strings.Join(o.Problems, "; "))
		return
	}
	v.Repaired = o.Repaired.Sub(o.Struck).Seconds()
	if v.Repaired > e.Repaired.Seconds() {
		v.wrong("healthy again only after %.0f s, the limit is %s", v.Repaired, e.Repaired)
	}
}
