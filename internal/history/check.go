package history

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// History is everything that was recorded of a workload.
type History struct {
	Operations []Operation `json:"operations"`
	// Registers are the registers as they were before the first operation.
	Registers map[string]Register `json:"registers"`
	// Children are the names below each parent of sequential nodes, listed
	// after the repair by a read that is settled as SettledRead is.
	Children map[string][]string `json:"children"`
	Sessions []SessionEnd        `json:"sessions"`
	Listings []Listing           `json:"listings"`
	// Trees are what each server holds after the repair, when nobody writes.
	Trees []Tree `json:"trees"`
	// Limit is how long an ephemeral node may be seen after its session's end,
	// and how far a listing may be behind. It cannot be shorter than the
	// session timeout and syncLimit x tickTime: so long a server that was cut
	// off or paused answers from an old view.
	Limit time.Duration `json:"limit"`
	// Timeout bounds the search for an order of the writes of one register;
	// 0: no bound.
	Timeout time.Duration `json:"timeout"`
}

// Register is the state of a register.
type Register struct {
	Value   int64 `json:"value"`
	Version int64 `json:"version"`
}

// SessionEnd is when a session was over at the latest: its close was
// acknowledged, or its client was told that it had expired.
type SessionEnd struct {
	Session int64         `json:"session"`
	Client  int           `json:"client"`
	Ended   time.Duration `json:"ended"`
	Reason  string        `json:"reason"`
}

// Listing is one look at the names below a parent of ephemeral nodes.
type Listing struct {
	Client  int           `json:"client"`
	Session int64         `json:"session"`
	Parent  string        `json:"parent"`
	Names   []string      `json:"names"`
	Start   time.Duration `json:"start"`
	End     time.Duration `json:"end"`
}

// Verdict is what Check makes of a history.
type Verdict struct {
	Findings  []string `json:"findings"`  // what is wrong; none: consistent
	Undecided []string `json:"undecided"` // what could not be judged
	Counts    Counts   `json:"counts"`
}

// Counts say how much the verdict rests on.
type Counts struct {
	Operations   int `json:"operations"`
	Acknowledged int `json:"acknowledged"`
	Failed       int `json:"failed"`
	Refused      int `json:"refused"`
	Unknown      int `json:"unknown"`
	Writes       int `json:"writes"` // acknowledged
	Reads        int `json:"reads"`  // answered
	Done         int `json:"done"`   // unknown writes of registers that were done after all
	Sessions     int `json:"sessions"`
	Listings     int `json:"listings"`
	Servers      int `json:"servers"`
}

// Passed says whether everything could be judged and is consistent.
func (v Verdict) Passed() bool { return len(v.Findings) == 0 && len(v.Undecided) == 0 }

// most is how many findings of one check are told one by one.
const most = 10

// findings are those of one check.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// told are the first of them and how many more there are.
func (f findings) told() []string {
	if len(f) <= most {
		return f
	}
	return append(slices.Clone(f[:most]), fmt.Sprintf("and %d more findings like the last one", len(f)-most))
}

// Check judges a history.
func Check(h History) Verdict {
	v := Verdict{Findings: []string{}, Undecided: []string{}, Counts: count(h)}
	byKey := map[string][]Operation{}
	for _, o := range h.Operations {
		if o.sets() || o.reads() {
			byKey[o.Key] = append(byKey[o.Key], o)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		initial, known := h.Registers[key]
		if !known {
			v.Undecided = append(v.Undecided, fmt.Sprintf("%s could not be judged: what it held before is not recorded", key))
			continue
		}
		v.judge(key, initial, byKey[key], h.Timeout)
	}
	sequences, undecided := checkSequences(h)
	v.Undecided = append(v.Undecided, undecided.told()...)
	for _, found := range []findings{
		checkSessions(h.Operations), checkZxids(h.Operations), sequences,
		checkEphemerals(h), checkTrees(h.Trees), checkKept(h),
	} {
		v.Findings = append(v.Findings, found.told()...)
	}
	return v
}

// judge judges one register.
func (v *Verdict) judge(key string, initial Register, operations []Operation, timeout time.Duration) {
	r, ambiguous := newRegister(key, initial, operations)
	if ambiguous != "" {
		v.Undecided = append(v.Undecided, ambiguous)
		return
	}
	for _, w := range r.sets {
		if w.Outcome == Unknown && w.done {
			v.Counts.Done++
		}
	}
	v.Findings = append(v.Findings, r.findings.told()...)
	found, undecided := linearizable(r, timeout)
	if found != "" {
		v.Findings = append(v.Findings, found)
	}
	if undecided != "" {
		v.Undecided = append(v.Undecided, undecided)
	}
}

func count(h History) Counts {
	c := Counts{Operations: len(h.Operations), Listings: len(h.Listings), Servers: len(h.Trees)}
	sessions := map[int64]bool{}
	for _, o := range h.Operations {
		sessions[o.Session] = true
		switch o.Outcome {
		case OK:
			c.Acknowledged++
			if o.writes() {
				c.Writes++
			} else {
				c.Reads++
			}
		case Failed:
			c.Failed++
		case Refused:
			c.Refused++
		case Unknown:
			c.Unknown++
		}
	}
	delete(sessions, 0) // of operations that had none
	c.Sessions = len(sessions)
	return c
}
