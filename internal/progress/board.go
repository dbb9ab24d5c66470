package progress

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// State is how far a row of the board is.
type State string

// The states of rows.
const (
	Idle    State = "waiting"
	Working State = "working"
	Done    State = "done"
	Broken  State = "failed"
)

// Row is a line of the board: a stack, a layer of it, the hosts, or one host.
type Row struct {
	Name     string
	Part     bool   // it belongs to the last row before it that is no part
	Step     string // of a stack or the hosts: the last that began
	State    State
	Now      string // what runs now; of several the one that began first
	Running  int    // how many run now
	Done     int
	All      int // that are known to come; 0: not known
	Failed   int
	Began    time.Time
	Ended    time.Time // zero: it goes on
	Expected time.Duration
}

// Elapsed is how long a row has been at work.
func (r Row) Elapsed(now time.Time) time.Duration {
	switch {
	case r.Began.IsZero():
		return 0
	case r.Ended.IsZero():
		return now.Sub(r.Began)
	default:
		return r.Ended.Sub(r.Began)
	}
}

// Board is where a run stands, folded from its events. Its zero value is that
// of a run that has not begun.
type Board struct {
	Run         string
	Verb        string
	Environment string
	Began       time.Time
	Result      string // empty until the run has ended
	Warnings    int

	expected Expected
	rows     []*lane // in the order of their beginnings
}

// Hosts is the name of the row of the hosts.
const Hosts = "hosts"

// Expect says what is known of earlier runs.
func (b *Board) Expect(x Expected) { b.expected = x }

// Active tells whether there is something to look at: a run that goes on, or a
// step without one.
func (b *Board) Active() bool {
	if b.Run != "" && b.Result == "" {
		return len(b.rows) > 0
	}
	return b.Run == "" && slices.ContainsFunc(b.rows, func(l *lane) bool { return l.State == Working })
}

// Fold takes an event in.
func (b *Board) Fold(e Event) {
	switch e.Kind {
	case RunBegan:
		*b = Board{Run: e.Run, Verb: e.Verb, Environment: e.Environment, Began: e.At, expected: b.expected}
	case RunEnded:
		b.Result = cmp.Or(e.Result, Failed)
	case Warning:
		b.Warnings++
	case StepBegan:
		b.begin(e)
	case StepEnded:
		b.end(e)
	case Planned:
		b.plan(e)
	case ResourceRead:
		// Terraform may read again after an apply, which is none of its changes.
		if l := b.lane(e.Stack); l.Step == Planning || l.Step == Comparing {
			l.Done++
		}
	case ResourceBegan:
		l := b.lane(e.Stack)
		l.start(e.Address, Layer(e.Address), e.At)
	case ResourceEnded:
		l := b.lane(e.Stack)
		l.finish(e)
		l.fresh = l.fresh || (e.Result != Failed && e.Action != "delete" && resourceType(e.Address) == machine)
	case TaskBegan:
		l := b.lane("")
		if e.Host != "" {
			l.taskOn(e.Host, e.Task, e.At)
			return
		}
		clear(l.running)
		l.start(e.Task, "", e.At)
	case TaskSkipped:
		b.lane("").taskOn(e.Host, "", e.At)
	case TaskEnded:
		b.lane("").task(e)
	case Did, Health: // are in the report
	}
}

// lane is the one of a stack, or of the hosts; made when it is new.
func (b *Board) lane(stack string) *lane {
	name := cmp.Or(stack, Hosts)
	for _, l := range b.rows {
		if l.Name == name {
			return l
		}
	}
	l := &lane{Row: Row{Name: name, State: Idle}, stack: stack != "", running: map[string]begun{}}
	b.rows = append(b.rows, l)
	return l
}

func (b *Board) begin(e Event) {
	if e.Step == Approving {
		return // a question is not in the table
	}
	l := b.lane(e.Stack)
	l.Step, l.State, l.Began, l.Ended = e.Step, Working, e.At, time.Time{}
	l.Done, l.Failed, l.All, l.Expected = 0, 0, 0, b.expected.Step(e.Stack, e.Step)
	clear(l.running)
	switch e.Step {
	case Applying:
		l.All, l.Expected = operations(l.changes...), b.expected.Apply(e.Stack, l.changes)
	case Planning, Comparing:
		l.parts, l.All = nil, b.expected.Reads(e.Stack)
	case Waiting, Configuring, Checking:
		l.parts = nil
		for _, h := range e.Hosts {
			l.parts = append(l.parts, &Row{Name: h.Name, Part: true, State: Idle})
		}
		if e.Step == Configuring {
			l.All, l.Expected = b.expected.Configure(b.fresh(), len(e.Hosts))
		}
	}
}

// fresh tells whether the run has made machines.
func (b *Board) fresh() bool {
	return slices.ContainsFunc(b.rows, func(l *lane) bool { return l.fresh })
}

func (b *Board) end(e Event) {
	if e.Step == Approving {
		return
	}
	l := b.lane(e.Stack)
	l.State, l.Ended = Done, e.At
	if e.Result != OK && e.Result != "" {
		l.State = Broken
	}
	clear(l.running)
	for _, part := range l.parts {
		if part.State == Working || (part.State == Idle && !l.stack) {
			part.State, part.Ended, part.Running = l.State, e.At, 0
			if part.Failed > 0 {
				part.State = Broken
			}
		}
		part.Now = ""
	}
	if e.Step == Planning && l.State == Done && len(l.changes) > 0 && b.Run != "" {
		l.State, l.Began, l.Ended = Idle, time.Time{}, time.Time{} // it waits for its apply
		l.Done, l.All, l.Expected = 0, operations(l.changes...), b.expected.Apply(e.Stack, l.changes)
	}
}

// plan takes in what is to come: one part for each layer.
func (b *Board) plan(e Event) {
	l := b.lane(e.Stack)
	counts := map[string]int{}
	for _, c := range e.Changes {
		counts[Layer(c.Address)] += operations(c)
	}
	l.changes, l.parts = e.Changes, nil
	for _, layer := range slices.Sorted(maps.Keys(counts)) {
		if layer == "" && len(counts) == 1 {
			continue // a product without layers is one row
		}
		l.parts = append(l.parts, &Row{Name: cmp.Or(layer, "itself"), Part: true, State: Idle, All: counts[layer]})
	}
}

// Rows are the lines of the board: every stack and the hosts, each with its
// parts.
func (b *Board) Rows() []Row {
	var rows []Row
	for _, l := range b.rows {
		row := l.Row
		row.Now, row.Running = l.now(func(begun) bool { return true })
		rows = append(rows, row)
		for _, part := range l.parts {
			one := *part
			if l.stack {
				one.Now, one.Running = l.now(func(at begun) bool { return cmp.Or(at.part, "itself") == part.Name })
			}
			rows = append(rows, one)
		}
	}
	return rows
}

// Says is how a row stands, for a line of its own: "12 of 61 done, 3 in work".
func (b *Board) Says(name string, now time.Time) string {
	for _, row := range b.Rows() {
		if row.Name != name || row.Part {
			continue
		}
		text := fmt.Sprintf("%d done", row.Done)
		if row.All > 0 {
			text = fmt.Sprintf("%d of %d done", row.Done, row.All)
		}
		if row.Now != "" {
			text += ", now " + row.Now
		}
		if row.Running > 1 {
			text += fmt.Sprintf(" and %d more", row.Running-1)
		}
		if left := row.Expected - row.Elapsed(now); row.Expected > 0 && left > 0 {
			text += fmt.Sprintf(", expected to take another %s", left.Round(time.Second))
		}
		return text
	}
	return ""
}

// Left is how long the run is expected to go on: what the rows at work and those
// that wait are known to take. It is 0 when nothing is known.
func (b *Board) Left(now time.Time) time.Duration {
	var left time.Duration
	for _, l := range b.rows {
		if l.State == Working || l.State == Idle {
			left += max(0, l.Expected-l.Elapsed(now))
		}
	}
	return left
}
