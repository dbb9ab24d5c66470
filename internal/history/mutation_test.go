package history

import (
	"math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"
)

// mutation makes a history wrong; false: there is nothing in it to do so with.
type mutation func(h *History, random *rand.Rand) bool

// pick chooses one of the pairs of operations that fit.
func pick(h *History, random *rand.Rand, fits func(a, b Operation) bool) (a, b *Operation) {
	shift := random.IntN(len(h.Operations))
	for i := range h.Operations {
		a = &h.Operations[(i+shift)%len(h.Operations)]
		for j := range h.Operations {
			if b = &h.Operations[j]; a != b && fits(*a, *b) {
				return a, b
			}
		}
	}
	return nil, nil
}

// pairs is a mutation of two operations.
func pairs(fits func(a, b Operation) bool, change func(h *History, a, b *Operation)) mutation {
	return func(h *History, random *rand.Rand) bool {
		a, b := pick(h, random, fits)
		if a != nil {
			change(h, a, b)
		}
		return a != nil
	}
}

func acked(o Operation) bool { return o.sets() && o.Outcome == OK }

func swap(_ *History, a, b *Operation) {
	a.Value, b.Value, a.Version, b.Version, a.Zxid, b.Zxid = b.Value, a.Value, b.Version, a.Version, b.Zxid, a.Zxid
}

func mutations() map[string]mutation {
	return map[string]mutation{
		"an acknowledged write that was seen is dropped": pairs(func(a, b Operation) bool {
			return acked(a) && b.reads() && b.Value == a.Value
		}, func(_ *History, a, _ *Operation) { a.Outcome = Refused }),
		"the versions of two writes are swapped": pairs(func(a, b Operation) bool {
			return acked(a) && acked(b) && a.Key == b.Key && a.End < b.Start
		}, func(_ *History, a, b *Operation) {
			a.Version, b.Version, a.Zxid, b.Zxid = b.Version, a.Version, 0, 0
		}),
		"the zxids of two writes are swapped": pairs(func(a, b Operation) bool {
			return acked(a) && acked(b) && a.Key != b.Key && a.End < b.Start
		}, func(_ *History, a, b *Operation) { a.Zxid, b.Zxid = b.Zxid, a.Zxid }),
		"a stale cas succeeds": pairs(func(a, b Operation) bool {
			return a.Kind == CAS && a.Outcome == Failed && acked(b) && a.Key == b.Key && b.Version == a.ExpectedVersion+1
		}, func(_ *History, a, _ *Operation) { a.Outcome, a.Version = OK, a.ExpectedVersion+1 }),
		"a cas fails on the right version": pairs(func(a, b Operation) bool {
			// a's version lasted until after a had ended.
			return acked(a) && a.Kind == CAS && acked(b) && a.Key == b.Key && b.Version == a.Version+1 && a.End < b.Start
		}, func(_ *History, a, b *Operation) {
			a.Outcome, b.Version = Failed, a.Version
		}),
		"a session's reads go back": pairs(func(a, b Operation) bool {
			return a.Session == b.Session && a.reads() && b.reads() && a.Key == b.Key && a.End < b.Start && a.Version < b.Version
		}, swap),
		"a session does not see its own write": pairs(func(a, b Operation) bool {
			return a.Session == b.Session && acked(a) && b.reads() && a.Key == b.Key && a.End < b.Start
		}, func(h *History, _, b *Operation) {
			b.Value, b.Version, b.Zxid = h.Registers[b.Key].Value, h.Registers[b.Key].Version, 0
		}),
		"a value comes from nowhere": pairs(func(a, _ Operation) bool {
			return a.reads()
		}, func(_ *History, a, _ *Operation) { a.Value = 1 << 40 }),
		"a read sees what is written after it": pairs(func(a, b Operation) bool {
			return a.Kind == Read && acked(b) && a.Key == b.Key && a.End < b.Start
		}, func(_ *History, a, b *Operation) { a.Value, a.Version, a.Zxid = b.Value, b.Version, b.Zxid }),
		"the last write is rolled back": pairs(func(a, b Operation) bool {
			return a.Kind == SettledRead && acked(b) && a.Key == b.Key && a.Version == b.Version && a.Version > 1
		}, func(h *History, a, _ *Operation) {
			// Everybody agrees on the version before, and its value names no write.
			a.Version--
			a.Zxid = 0
			for _, t := range h.Trees {
				t.Nodes[a.Key] = Node{Version: a.Version}
			}
		}),
		"a sequential node is lost": pairs(func(a, _ Operation) bool {
			return a.Name != ""
		}, func(h *History, a, _ *Operation) {
			names := h.Children[a.Key]
			h.Children[a.Key] = slices.DeleteFunc(names, func(name string) bool { return name == a.Name })
		}),
		"a sequence number is given twice": pairs(func(a, b Operation) bool {
			return a.Name != "" && b.Name != ""
		}, func(_ *History, a, b *Operation) { a.Name = b.Name }),
		"sequence numbers go back": pairs(func(a, b Operation) bool {
			return a.Name != "" && b.Name != "" && a.End < b.Start
		}, func(_ *History, a, b *Operation) { a.Name, b.Name = b.Name, a.Name }),
		"an ephemeral node is left behind": leaveBehind,
		"an ephemeral node is gone early":  endEarly,
		"a server keeps the node of a session that is over": func(h *History, _ *rand.Rand) bool {
			for _, t := range h.Trees {
				for _, s := range h.Sessions {
					t.Nodes["/drill/e/left"] = Node{Owner: s.Session}
				}
			}
			return len(h.Sessions) > 0
		},
		"a server differs": func(h *History, random *rand.Rand) bool {
			nodes := h.Trees[random.IntN(len(h.Trees))].Nodes
			node := nodes["/drill/r0"]
			node.Hash += "0"
			nodes["/drill/r0"] = node
			return true
		},
		"a server lacks a node": func(h *History, random *rand.Rand) bool {
			delete(h.Trees[random.IntN(len(h.Trees))].Nodes, "/drill/r0")
			return true
		},
	}
}

func leaveBehind(h *History, _ *rand.Rand) bool {
	last := &h.Listings[len(h.Listings)-1]
	for _, s := range h.Sessions {
		for _, o := range h.Operations {
			if o.Kind == CreateEphemeral && o.Session == s.Session && o.mayBeDone() {
				last.Names = append(last.Names, path.Base(o.Key))
				return true
			}
		}
	}
	return false
}

// endEarly takes a node out of a look that its own session had at it. When
// there is none, it lets the session look once more.
func endEarly(h *History, random *rand.Rand) bool {
	a, _ := pick(h, random, func(a, b Operation) bool {
		deleted := slices.ContainsFunc(h.Operations, func(o Operation) bool { return o.Kind == Delete && o.Key == a.Key })
		return !deleted && a.Kind == CreateEphemeral && a.Outcome == OK && b.Session == a.Session && b.Outcome == OK && b.Start > a.End+2*time.Microsecond
	})
	if a != nil {
		h.Listings = append(h.Listings, Listing{Session: a.Session, Parent: path.Dir(a.Key), Start: a.End + 1, End: a.End + 1})
	}
	return a != nil
}

// TestMutations wants every correct history to pass and every broken one to
// be rejected.
func TestMutations(t *testing.T) {
	t.Parallel()
	const seeds = 100
	applied, done := map[string]int{}, 0
	for seed := range uint64(seeds) {
		h := simulate(seed, 5, 60, 3, 0.1)
		v := Check(h)
		if !v.Passed() {
			t.Fatalf("seed %d: a correct history is rejected: %q %q", seed, v.Findings, v.Undecided)
		}
		done += v.Counts.Done
		for name, mutate := range mutations() {
			broken, random := clone(h), rand.New(rand.NewPCG(seed, 2))
			if !mutate(&broken, random) {
				continue
			}
			applied[name]++
			if v := Check(broken); len(v.Findings) == 0 {
				t.Errorf("seed %d: %s, and it passes: %q", seed, name, v.Undecided)
			}
		}
	}
	for name := range mutations() {
		if applied[name] < seeds/2 {
			t.Errorf("%s: only %d of %d histories had something for it", name, applied[name], seeds)
		}
	}
	if done == 0 {
		t.Error("no unknown write was done")
	}
	t.Logf("%v; %d unknown writes were done", applied, done)
}
