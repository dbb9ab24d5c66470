package pgdrill

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// second is a moment of a made-up drill.
func second(s float64) time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

// writes are acknowledged attempts, five a second.
func writes(first, from, to float64) []Attempt {
	var all []Attempt
	for n, at := int(first), from; at < to; n, at = n+1, at+0.2 {
		all = append(all, Attempt{Route: "name", Number: n, Start: second(at), End: second(at + 0.01), OK: true, Sent: true})
	}
	return all
}

// looks are samples of a node, two a second.
func looks(node, state string, from, to float64) []Sample {
	var all []Sample
	for at := from; at < to; at += 0.5 {
		all = append(all, Sample{Node: node, Start: second(at), End: second(at + 0.01), State: state})
	}
	return all
}

func numbers(attempts []Attempt) []int {
	var all []int
	for _, a := range attempts {
		if a.OK {
			all = append(all, a.Number)
		}
	}
	return all
}

// failoverSeen is a failover from one to two with writes from 0 to 40 s and a
// gap of about 8 s.
func failoverSeen() Observation {
	attempts := append(writes(1, 0, 10), writes(101, 18, 40)...)
	return Observation{
		Started: second(0), Struck: second(10), Repaired: second(35), Ended: second(40), Before: "one", After: "two",
		Attempts: attempts, Present: map[string][]int{"name": numbers(attempts)},
		Samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", InStandby, 0, 17), looks("two", Writable, 17, 40), looks("one", InStandby, 30, 40)),
		Looks: []Look{
			{At: second(1), Owners: []string{"one"}}, {At: second(15), Owners: []string{}, Fenced: []string{"one"}}, {At: second(39), Owners: []string{"two"}},
		},
	}
}

// staySeen is a scenario in which nothing happens to the primary.
func staySeen() Observation {
	attempts := writes(1, 0, 40)
	return Observation{
		Started: second(0), Struck: second(10), Repaired: second(35), Ended: second(40), Before: "one", After: "one",
		Attempts: attempts, Present: map[string][]int{"name": numbers(attempts)},
		Samples: slices.Concat(looks("one", Writable, 0, 40), looks("two", InStandby, 0, 40)),
		Looks:   []Look{{At: second(39), Owners: []string{"one"}}},
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	wantFailover := Expectation{Outcome: Failover, Gap: 15 * time.Second, Repaired: time.Minute}
	wantStay := Expectation{Outcome: Stay, Gap: 5 * time.Second, Repaired: time.Minute}
	for name, c := range map[string]struct {
		expect      Expectation
		seen        Observation
		change      func(*Observation)
		synchronous bool
		wrong       string // part of a finding; empty: passes
	}{
		"a failover as it should be":   {expect: wantFailover, seen: failoverSeen(), synchronous: true},
		"nothing happens as it should": {expect: wantStay, seen: staySeen()},
		"either is right":              {expect: Expectation{Outcome: Either, Gap: 15 * time.Second, Repaired: time.Minute}, seen: failoverSeen()},
		"a failover that is not due":   {expect: wantStay, seen: failoverSeen(), wrong: "the outcome is failover, expected was no failover"},
		"no failover that is due":      {expect: wantFailover, seen: staySeen(), wrong: "the outcome is no failover, expected was failover"},
		"a failover and back is none the less one": {expect: wantStay, seen: failoverSeen(), wrong: "the outcome is failover", change: func(o *Observation) {
			o.After = "one"
			o.Looks = nil
		}},
		"nobody takes writes": {expect: Expectation{Outcome: Either, Gap: time.Minute, Repaired: time.Minute}, seen: staySeen(), wrong: "the outcome is no primary", change: func(o *Observation) {
			o.After = ""
		}},
		"the gap is too long": {expect: Expectation{Outcome: Failover, Gap: 5 * time.Second, Repaired: time.Minute}, seen: failoverSeen(), wrong: "for 8."},
		"writes never go on": {expect: wantStay, seen: staySeen(), wrong: "for 30.", change: func(o *Observation) {
			o.Attempts = writes(1, 0, 10)
		}},
		"the client never wrote": {expect: wantStay, seen: staySeen(), wrong: "the client wrote nothing", change: func(o *Observation) { o.Attempts = nil }},
		"a lost row in synchronous mode": {expect: wantFailover, seen: failoverSeen(), synchronous: true, wrong: "2 acknowledged rows are lost", change: func(o *Observation) {
			o.Present["name"] = o.Present["name"][2:]
		}},
		"a lost row of an asynchronous failover is only told": {expect: wantFailover, seen: failoverSeen(), change: func(o *Observation) {
			o.Present["name"] = o.Present["name"][2:]
		}},
		"a lost row without a failover": {expect: wantStay, seen: staySeen(), wrong: "without any failover", change: func(o *Observation) {
			o.Present["name"] = o.Present["name"][1:]
		}},
		"the table cannot be read": {expect: wantFailover, seen: failoverSeen(), wrong: "the table could not be read", change: func(o *Observation) { o.Present = nil }},
		"a row twice": {expect: wantStay, seen: staySeen(), wrong: "1 rows are in the table more than once", change: func(o *Observation) {
			o.Present["name"] = append(o.Present["name"], 7, 7)
		}},
		"a row that was never sent": {expect: wantStay, seen: staySeen(), wrong: "row 900", change: func(o *Observation) {
			o.Attempts = append(o.Attempts, Attempt{Route: "name", Number: 900, Start: second(39.9), End: second(39.9)})
			o.Present["name"] = append(o.Present["name"], 900)
		}},
		"a row that was sent and not acknowledged may be there": {expect: wantStay, seen: staySeen(), change: func(o *Observation) {
			o.Attempts = append(o.Attempts, Attempt{Route: "name", Number: 900, Start: second(39.9), End: second(39.9), Sent: true})
			o.Present["name"] = append(o.Present["name"], 900)
		}},
		"two writable nodes": {expect: wantFailover, seen: failoverSeen(), wrong: "two nodes took writes at the same time: one and two", change: func(o *Observation) {
			o.Samples = append(o.Samples, looks("one", Writable, 20, 20.1)...)
		}},
		"two owners": {expect: wantFailover, seen: failoverSeen(), wrong: "the address was on one and two", change: func(o *Observation) {
			o.Looks[1].Owners = []string{"one", "two"}
		}},
		"the address stays behind": {expect: wantFailover, seen: failoverSeen(), wrong: "the address is on one, the primary is two", change: func(o *Observation) {
			o.Looks[2].Owners = []string{"one"}
		}},
		"the address is on nobody": {expect: wantFailover, seen: failoverSeen(), wrong: "the address is on nobody", change: func(o *Observation) {
			o.Looks[2].Owners = []string{}
		}},
		"without an elastic address there is no owner": {expect: wantFailover, seen: failoverSeen(), change: func(o *Observation) {
			for i := range o.Looks {
				o.Looks[i].Owners = nil
			}
		}},
		"the mark stays": {expect: wantFailover, seen: failoverSeen(), wrong: "one still carries the mark", change: func(o *Observation) {
			o.Looks[2].Fenced = []string{"one"}
		}},
		"never healthy again": {expect: wantFailover, seen: failoverSeen(), wrong: "not healthy again by itself within 1m0s: one is away", change: func(o *Observation) {
			o.Repaired, o.Problems = time.Time{}, []string{"one is away"}
		}},
		"healthy too late": {expect: wantFailover, seen: failoverSeen(), wrong: "only after 90 s", change: func(o *Observation) { o.Repaired = second(100) }},
		"promoted while it could not be safe": {
			expect: Expectation{Outcome: Failover, Gap: 15 * time.Second, NotYet: true, Repaired: time.Minute}, seen: failoverSeen(),
			wrong: "promoted 13.0 s before", change: func(o *Observation) { o.Lasted = second(30) },
		},
		"promoted when it was safe": {
			expect: Expectation{Outcome: Failover, Gap: 15 * time.Second, NotYet: true, Repaired: time.Minute}, seen: failoverSeen(),
			change: func(o *Observation) { o.Lasted = second(16) },
		},
		"promoted the wrong one":  {expect: Expectation{Outcome: Failover, Gap: 15 * time.Second, Never: "two", Repaired: time.Minute}, seen: failoverSeen(), wrong: "which it never may"},
		"the harm was never done": {expect: wantStay, seen: staySeen(), wrong: "could not be done", change: func(o *Observation) { o.Struck = time.Time{} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.seen)
			}
			v := Judge(c.expect, c.seen, c.synchronous)
			found := strings.Join(v.Findings, "\n")
			if v.Passed() != (c.wrong == "") || !strings.Contains(found, c.wrong) {
				t.Errorf("findings %q, want %q", found, c.wrong)
			}
		})
	}
}

func TestJudgeMeasures(t *testing.T) {
	t.Parallel()
	o := failoverSeen()
	lost := o.Present["name"][40:50] // the last two seconds before the failover
	o.Present["name"] = slices.DeleteFunc(slices.Clone(o.Present["name"]), func(n int) bool { return slices.Contains(lost, n) })
	v := Judge(Expectation{Outcome: Failover, Gap: time.Minute, Repaired: time.Minute}, o, false)
	if v.Lost != 10 || v.RPO < 1.9 || v.RPO > 2.1 || v.WriteGap() < 8 || v.WriteGap() > 8.3 || v.Repaired != 25 || v.Acknowledged != len(o.Attempts) {
		t.Errorf("%+v", v)
	}
}

// TestOneLostRowIsALoss: a single row that is lost took its time too.
func TestOneLostRowIsALoss(t *testing.T) {
	t.Parallel()
	o := failoverSeen()
	lost := o.Present["name"][49]
	o.Present["name"] = slices.DeleteFunc(slices.Clone(o.Present["name"]), func(n int) bool { return n == lost })
	if v := Judge(Expectation{Outcome: Failover, Gap: time.Minute, Repaired: time.Minute}, o, false); v.Lost != 1 || v.RPO < 0.1 || v.RPO > 0.3 {
		t.Errorf("%+v", v)
	}
}

func TestWritablePeriods(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		samples []Sample
		want    int // pairs of nodes that took writes at the same time
	}{
		"one after the other":                        {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", Writable, 10, 20))},
		"there and back":                             {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", Writable, 11, 20), looks("one", Writable, 21, 30))},
		"at the same time":                           {samples: slices.Concat(looks("one", Writable, 0, 12), looks("two", Writable, 10, 20)), want: 1},
		"a hung one goes on":                         {samples: slices.Concat(looks("one", Writable, 0, 10), looks("one", Silent, 10, 15), looks("two", Writable, 12, 30), looks("one", Writable, 16, 16.1)), want: 1},
		"a standby beside a primary":                 {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", InStandby, 0, 10))},
		"a watcher that was away proves nothing":     {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", Writable, 11, 20), looks("one", Writable, 20, 30))},
		"three at the same time are three pairs":     {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", Writable, 0.1, 10), looks("three", Writable, 0.2, 10)), want: 3},
		"one single write between two others is one": {samples: slices.Concat(looks("one", Writable, 0, 10), looks("two", Writable, 5.1, 5.2)), want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := twoWritable(c.samples); len(got) != c.want {
				t.Errorf("got %q, want %d", got, c.want)
			}
		})
	}
}
