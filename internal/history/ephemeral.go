package history

import (
	"maps"
	"path"
	"slices"
	"time"
)

// ephemerals are what is known of the ephemeral nodes.
type ephemerals struct {
	findings

	limit     time.Duration
	creations map[string][]Operation // by key, those that may have been done
	deletions map[string][]Operation // by key, those that may have been done
	ended     map[int64]SessionEnd   // by session
	alive     map[int64]Operation    // by session: the last one to begin of those acknowledged
}

// checkEphemerals wants the ephemeral nodes of a session to be there as long
// as it lives and to be gone within the limit after its end.
func checkEphemerals(h History) findings {
	e := ephemerals{
		limit:     h.Limit,
		creations: map[string][]Operation{}, deletions: map[string][]Operation{},
		ended: map[int64]SessionEnd{}, alive: map[int64]Operation{},
	}
	for _, o := range h.Operations {
		if last, known := e.alive[o.Session]; o.Outcome == OK && (!known || o.Start > last.Start) {
			e.alive[o.Session] = o
		}
		switch {
		case !o.mayBeDone():
		case o.Kind == CreateEphemeral:
			e.creations[o.Key] = append(e.creations[o.Key], o)
		case o.Kind == Delete:
			e.deletions[o.Key] = append(e.deletions[o.Key], o)
		}
	}
	for _, s := range h.Sessions {
		e.ended[s.Session] = s
	}
	byParent := map[string][]Operation{}
	for _, key := range slices.Sorted(maps.Keys(e.creations)) {
		byParent[path.Dir(key)] = append(byParent[path.Dir(key)], e.creations[key]...)
	}
	for _, l := range h.Listings {
		names := map[string]bool{}
		for _, name := range l.Names {
			names[name] = true
		}
		for _, o := range byParent[l.Parent] {
			e.judge(o, l, names[path.Base(o.Key)])
		}
	}
	for _, t := range h.Trees {
		e.owners(t)
	}
	return e.findings
}

// judge compares one creation with one look.
func (e *ephemerals) judge(o Operation, l Listing, present bool) {
	end, over := e.ended[o.Session]
	switch {
	case present && over && l.Start > end.Ended+e.limit && !e.another(o, l):
		e.add("%s was still seen by client %d at %s, although its session had ended at %s (%s)",
			o, l.Client, seconds(l.Start), seconds(end.Ended), end.Reason)
	case !present && e.due(o, l) && !e.deleted(o, l):
		e.add("%s was not seen by client %d at %s, although its session lived: see %s",
			o, l.Client, seconds(l.Start), e.alive[o.Session])
	}
}

// due says whether a look must see the node: it was made so long before that
// no server is that far behind, or before in the same session, which sees its
// own writes at once; and the session was answered even after the look.
func (e *ephemerals) due(o Operation, l Listing) bool {
	visible := o.End + e.limit
	if o.Session == l.Session {
		visible = o.End
	}
	return o.Outcome == OK && l.Start > visible && e.alive[o.Session].Start > l.End
}

// another says whether another session may have made the same node.
func (e *ephemerals) another(o Operation, l Listing) bool {
	return slices.ContainsFunc(e.creations[o.Key], func(other Operation) bool {
		return other.Session != o.Session && other.Start <= l.End
	})
}

// deleted says whether someone may have deleted the node.
func (e *ephemerals) deleted(o Operation, l Listing) bool {
	return slices.ContainsFunc(e.deletions[o.Key], func(d Operation) bool {
		return d.Start <= l.End && (d.Outcome == Unknown || d.End >= o.Start)
	})
}

// owners wants no server to keep a node of a session that is over.
func (e *ephemerals) owners(t Tree) {
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		if end, over := e.ended[t.Nodes[name].Owner]; over && t.Start > end.Ended+e.limit {
			e.add("%s still has %s at %s, although its session %#x of client %d had ended at %s (%s)",
				t.Server, name, seconds(t.Start), end.Session, end.Client, seconds(end.Ended), end.Reason)
		}
	}
}
