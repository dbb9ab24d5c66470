package progress

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// lane is a stack, or the hosts.
type lane struct {
	Row
	stack   bool
	changes []Change // planned
	parts   []*Row
	running map[string]begun // by address, or by task
	fresh   bool             // machines were made
}

type begun struct {
	part string
	at   time.Time
}

func (l *lane) start(what, layer string, at time.Time) {
	l.running[what] = begun{layer, at}
	if part := l.part(layer); part != nil {
		part.begin(at)
		part.Running++
	}
}

// finish takes in that something of a resource has ended. A data source that was
// read meanwhile is none of the changes.
func (l *lane) finish(e Event) {
	delete(l.running, e.Address)
	rows := []*Row{&l.Row}
	if part := l.part(Layer(e.Address)); part != nil {
		rows = append(rows, part)
		part.Running = max(0, part.Running-1)
	}
	if e.Action == "read" {
		return
	}
	for _, r := range rows {
		r.Done++
		if e.Result == Failed {
			r.Failed++
		}
		if r.Part && r.All > 0 && r.Done >= r.All {
			r.State, r.Ended = Done, e.At
		}
		if r.Part && r.Failed > 0 {
			r.State = Broken
		}
	}
}

// operations are how many things Terraform does for changes: a replacement is a
// destruction and a creation.
func operations(changes ...Change) int {
	n := len(changes)
	for _, c := range changes {
		if c.Action == "replace" {
			n++
		}
	}
	return n
}

// part is the row of a layer; nil when the lane has none.
func (l *lane) part(layer string) *Row {
	if !l.stack {
		return nil
	}
	return l.named(cmp.Or(layer, "itself"))
}

// named is the part of that name; nil when the lane has none.
func (l *lane) named(name string) *Row {
	for _, part := range l.parts {
		if part.Name == name {
			return part
		}
	}
	return nil
}

// begin notes that a row that has waited is at work since then.
func (r *Row) begin(at time.Time) {
	if r.State == Idle {
		r.State, r.Began = Working, at
	}
}

// taskOn takes in what runs on one host from now on; empty: it has nothing to
// do, or waits for the others.
func (l *lane) taskOn(host, task string, at time.Time) {
	part := l.named(host)
	if part == nil {
		return
	}
	part.Now = task
	if task != "" {
		part.begin(at)
	}
}

// task takes in what became of a task on one host.
func (l *lane) task(e Event) {
	l.Done++
	bad := e.Result == Failed || e.Result == Unreachable
	if bad {
		l.Failed++
	}
	part := l.named(e.Host)
	if part == nil {
		return
	}
	part.Done++
	part.Now = ""
	part.begin(e.From())
	if bad {
		part.Now = e.Task // what it failed at
		part.Failed++
		part.State, part.Ended = Broken, e.At
	}
}

// now is the first of what runs, and how many there are.
func (l *lane) now(which func(begun) bool) (first string, n int) {
	var since time.Time
	for _, what := range slices.Sorted(maps.Keys(l.running)) {
		at := l.running[what]
		if !which(at) {
			continue
		}
		if n++; n == 1 || at.at.Before(since) {
			first, since = what, at.at
		}
	}
	return first, n
}
