package history

import (
	"maps"
	"slices"
)

// checkSessions wants every session to see each register move forward only,
// and its own acknowledged writes at once: a server takes a session over only
// when it has seen as much as the session has. Another session of the same
// client is promised nothing.
func checkSessions(operations []Operation) findings {
	var found findings
	bySession := map[int64][]Operation{}
	for _, o := range operations {
		if (o.sets() || o.reads()) && o.Outcome == OK {
			bySession[o.Session] = append(bySession[o.Session], o)
		}
	}
	for _, session := range slices.Sorted(maps.Keys(bySession)) {
		newest := map[string]Operation{} // by key
		sweep(bySession[session], func(o Operation) {
			before, known := newest[o.Key]
			switch {
			case !known:
			case o.reads() && o.Version < before.Version:
				found.add("session %#x went back: %s comes after %s", session, o, before)
			case o.sets() && o.Version <= before.Version:
				found.add("session %#x wrote what it had seen the end of: %s comes after %s", session, o, before)
			}
		}, func(o Operation) {
			if before, known := newest[o.Key]; !known || o.Version > before.Version {
				newest[o.Key] = o
			}
		})
	}
	return found
}

// checkZxids wants the zxid of an acknowledged write to be higher than every
// one that anybody had seen before it began, at any key: a leader numbers
// writes in the order in which they take effect, a new leader begins above
// all, and what was seen is never rolled back. The mzxid of a read says
// nothing of that kind: a node that nobody writes has an old one for ever.
func checkZxids(operations []Operation) findings {
	var told []Operation
	for _, o := range operations {
		if o.Zxid != 0 && o.Outcome == OK {
			told = append(told, o)
		}
	}
	var found findings
	newest := Operation{}
	sweep(told, func(o Operation) {
		if o.writes() && o.Zxid <= newest.Zxid {
			found.add("%s has zxid %#x, but %s had seen %#x before it", o, o.Zxid, newest, newest.Zxid)
		}
	}, func(o Operation) {
		if o.Zxid > newest.Zxid {
			newest = o
		}
	})
	return found
}
