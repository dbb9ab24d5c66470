package pgdrill

import (
	"fmt"
	"slices"
	"time"
)

// period is a time in which a node took every write that was tried.
type period struct {
	node        string
	first, last Sample
}

// blind is how long a watcher may see nothing before a new period begins.
const blind = 3 * time.Second

// writablePeriods are those of every node, by the time of their beginning.
func writablePeriods(samples []Sample) []period {
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b Sample) int { return a.Start.Compare(b.Start) })
	open := map[string]*period{}
	var all []*period
	for _, s := range sorted {
		p := open[s.Node]
		if s.State != Writable {
			delete(open, s.Node)
			continue
		}
		if p == nil || s.Start.Sub(p.last.End) > blind {
			p = &period{node: s.Node, first: s}
			open[s.Node], all = p, append(all, p)
		}
		p.last = s
	}
	periods := make([]period, len(all))
	for i, p := range all {
		periods[i] = *p
	}
	return periods
}

// twoWritable finds proof that two nodes took writes at the same time: one
// write on a node that is wholly between two of another node's. A watcher
// that sees nothing for a while proves nothing about that while.
func twoWritable(samples []Sample) []string {
	var found []string
	periods := writablePeriods(samples)
	told := map[string]bool{}
	for _, s := range samples {
		if s.State != Writable {
			continue
		}
		for _, p := range periods {
			between := p.node != s.Node && !p.first.End.After(s.Start) && !s.End.After(p.last.Start)
			pair := []string{p.node, s.Node}
			slices.Sort(pair)
			if between && !told[pair[0]+pair[1]] {
				told[pair[0]+pair[1]] = true
				found = append(found, fmt.Sprintf("two nodes took writes at the same time: %s and %s at %s",
					pair[0], pair[1], s.End.UTC().Format("15:04:05.000")))
			}
		}
	}
	return found
}
