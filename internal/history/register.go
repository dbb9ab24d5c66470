package history

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// register finds out which write made each version of one register.
//
// An operation of unknown outcome may be done at any later time, and a search
// for an order must try it everywhere: with many of them it does not end. But
// a version says how many writes came before, and a value names its write. So
// an unknown write was done as the version as which anyone saw its value. What
// is left are versions that nobody saw: any unknown write that was under way
// by then can have made them, for its value matters to nobody. The other
// unknown writes were not done, or after all that anybody saw, and are
// left out. This takes nothing from the check: a history has an order of its
// writes if and only if it has one with these choices.
type register struct {
	findings

	key     string
	initial Register
	sets    []*set
	checks  []Operation             // what must fit in between: failed CAS, settled reads
	byValue map[int64]*set          // the set that writes it
	made    map[int64]*set          // by version
	seen    map[int64]time.Duration // by version: when it was surely there
	zxids   map[int64]int64         // by version
	last    int64                   // the highest version that was surely there
}

// set is a write of a register.
type set struct {
	Operation

	done    bool
	version int64         // that it made, when it was done
	until   time.Duration // when it was done at the latest
}

// newRegister returns what makes the history ambiguous instead, if anything.
func newRegister(key string, initial Register, operations []Operation) (r *register, ambiguous string) {
	r = &register{
		key: key, initial: initial, last: initial.Version,
		byValue: map[int64]*set{}, made: map[int64]*set{}, seen: map[int64]time.Duration{}, zxids: map[int64]int64{},
	}
	for _, o := range operations {
		if !o.sets() {
			continue
		}
		w := &set{Operation: o}
		if other := r.byValue[o.Value]; other != nil || o.Value == initial.Value {
			return r, fmt.Sprintf("%s could not be judged: %d was written to it twice, once by %s", key, o.Value, o)
		}
		r.sets, r.byValue[o.Value] = append(r.sets, w), w
		if o.Outcome == OK {
			r.settle(w, o.Version, o.End)
		}
		if o.Outcome == Failed && o.Kind == Write {
			r.add("%s failed, but %s is always there: %s", o, key, o.Error)
		}
	}
	for _, o := range operations {
		r.learn(o)
	}
	r.fill()
	r.order()
	return r, ""
}

// settle notes that a write made a version until a moment.
func (r *register) settle(w *set, version int64, until time.Duration) {
	w.done, w.version, w.until = true, version, max(until, w.Start)
	if other := r.made[version]; other != nil {
		r.add("version %d of %s was made twice: by %s and by %s", version, r.key, other, w)
		return
	}
	r.made[version] = w
}

// learn takes from an operation what it tells of the register.
func (r *register) learn(o Operation) {
	if o.Kind == CAS {
		// The client read before it wrote.
		r.observe(o, o.Expected, o.ExpectedVersion, o.Start)
	}
	switch {
	case o.reads() && o.Outcome == OK:
		r.observe(o, o.Value, o.Version, o.End)
		if o.Kind == SettledRead {
			r.checks = append(r.checks, o)
		}
	case o.Kind == CAS && o.Outcome == Failed:
		// The version that the client had read was there no more.
		r.there(o.ExpectedVersion+1, o.End)
		r.checks = append(r.checks, o)
		return
	case !o.sets() || o.Outcome != OK:
		return
	}
	r.there(o.Version, o.End)
	if o.Zxid == 0 {
		return
	}
	if other, known := r.zxids[o.Version]; known && other != o.Zxid {
		r.add("version %d of %s has two zxids, %#x and, by %s, %#x", o.Version, r.key, other, o, o.Zxid)
	}
	r.zxids[o.Version] = o.Zxid
}

// there notes that a version was there at a moment.
func (r *register) there(version int64, at time.Duration) {
	if before, known := r.seen[version]; !known || at < before {
		r.seen[version] = at
	}
	r.last = max(r.last, version)
}

// observe judges a value that was seen as a version by a moment.
func (r *register) observe(o Operation, value, version int64, at time.Duration) {
	r.there(version, at)
	began := value == r.initial.Value
	if began && version == r.initial.Version {
		return
	}
	w := r.byValue[value]
	switch {
	case began || version <= r.initial.Version:
		r.add("%s saw %d as version %d, but version %d was %d", o, value, version, r.initial.Version, r.initial.Value)
	case w == nil:
		r.add("%s saw %d, which nobody wrote", o, value)
	case !w.mayBeDone():
		r.add("%s saw %d as version %d, but it was surely not written by %s", o, value, version, w)
	case w.Start > at:
		r.add("%s saw %d as version %d before it was written by %s", o, value, version, w)
	case !w.done:
		r.settle(w, version, at)
	case w.version != version:
		r.add("%s saw %d as version %d, but that is version %d, by %s", o, value, version, w.version, w)
	default:
		w.until = min(w.until, at)
	}
}

// fill finds a write for every version that nobody saw the value of.
func (r *register) fill() {
	if last := r.initial.Version + int64(len(r.sets)); r.last > last {
		r.add("version %d of %s was seen, but its %d writes lead to version %d at most", r.last, r.key, len(r.sets), last)
		return
	}
	// A version is there when a later one is.
	by, deadlines := forever, map[int64]time.Duration{}
	for version := r.last; version > r.initial.Version; version-- {
		if at, known := r.seen[version]; known {
			by = min(by, at)
		}
		deadlines[version] = by
	}
	for version := r.initial.Version + 1; version <= r.last; version++ {
		if r.made[version] != nil {
			continue
		}
		w := r.maker(version, deadlines[version])
		if w == nil {
			r.add("version %d of %s was there at %s, but no write can have made it", version, r.key, seconds(deadlines[version]))
			return // what follows is most likely the same
		}
		r.settle(w, version, forever)
	}
}

// maker finds an unknown write that can have made a version by a moment. A
// CAS fits one version only, so it comes first. Deadlines grow with versions:
// a write that fits this one fits all later ones, so any will do.
func (r *register) maker(version int64, deadline time.Duration) *set {
	var found *set
	for _, w := range r.sets {
		if w.Outcome != Unknown || w.done || w.Start > deadline {
			continue
		}
		if w.Kind == CAS && w.ExpectedVersion == version-1 {
			return w
		}
		if w.Kind == Write && found == nil {
			found = w
		}
	}
	return found
}

// order wants zxids to grow with the versions.
func (r *register) order() {
	newest := int64(0)
	for _, version := range slices.Sorted(maps.Keys(r.zxids)) {
		if zxid := r.zxids[version]; zxid <= newest {
			r.add("version %d of %s has zxid %#x, a version before it has %#x", version, r.key, zxid, newest)
		}
		newest = max(newest, r.zxids[version])
	}
}
