package history

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"testing"
)

// list is one look at the ephemeral nodes.
func (s *simulation) list(c *simulated) {
	names := map[string]bool{}
	for _, change := range s.changes {
		if change.zxid > c.view {
			continue
		}
		if delete(names, path.Base(change.name)); change.added {
			names[path.Base(change.name)] = true
		}
	}
	s.history.Listings = append(s.history.Listings, Listing{
		Client: c.number, Session: c.session, Parent: "/drill/e",
		Names: slices.Sorted(maps.Keys(names)), Start: s.now, End: s.now,
	})
}

// finish looks at everything once the ensemble is whole and still.
func (s *simulation) finish() {
	nodes := map[string]Node{}
	for _, key := range s.keys {
		states := s.states[key]
		last := states[len(states)-1]
		nodes[key] = Node{Hash: strconv.FormatInt(last.Value, 10), Version: last.Version, Mzxid: last.zxid}
		s.history.Operations = append(s.history.Operations, Operation{
			Kind: SettledRead, Key: key, Value: last.Value, Version: last.Version, Zxid: last.zxid,
			Session: s.session + 1, Start: s.now, End: s.now + 1, Outcome: OK,
		})
	}
	for name, owner := range s.owners {
		nodes[name] = Node{Owner: owner}
	}
	s.history.Children = map[string][]string{"/drill/q": slices.Sorted(maps.Keys(s.children))}
	last := &simulated{view: int64(len(s.times)), session: s.session + 1}
	s.list(last)
	for _, server := range []string{"zookeeper-0", "zookeeper-1", "zookeeper-2"} {
		s.history.Trees = append(s.history.Trees, Tree{Server: server, Start: s.now, Nodes: maps.Clone(nodes)})
	}
}

// clone copies a history as deep as mutations reach.
func clone(h History) History {
	h.Operations, h.Listings, h.Trees = slices.Clone(h.Operations), slices.Clone(h.Listings), slices.Clone(h.Trees)
	h.Children = maps.Clone(h.Children)
	for parent, names := range h.Children {
		h.Children[parent] = slices.Clone(names)
	}
	for i := range h.Listings {
		h.Listings[i].Names = slices.Clone(h.Listings[i].Names)
	}
	for i := range h.Trees {
		h.Trees[i].Nodes = maps.Clone(h.Trees[i].Nodes)
	}
	return h
}

func BenchmarkCheck(b *testing.B) {
	h := simulate(7, 10, 5000, 10, 0.05)
	b.ReportAllocs()
	for b.Loop() {
		if v := Check(h); !v.Passed() {
			b.Fatal(v)
		}
	}
	b.ReportMetric(float64(len(h.Operations)), "operations")
}

// BenchmarkCheckBroken is the slow case of a search: it must rule out every
// order and then say where the longest one stops.
func BenchmarkCheckBroken(b *testing.B) {
	h := simulate(7, 10, 5000, 10, 0.05)
	for i := range slices.Backward(h.Operations) {
		if o := &h.Operations[i]; o.Kind == SettledRead {
			o.Start, o.End = 0, 1
		}
	}
	for b.Loop() {
		if v := Check(h); len(v.Findings) == 0 || len(v.Undecided) > 0 {
			b.Fatal(v)
		}
	}
}
