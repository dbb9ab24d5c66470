// Package history says whether what the clients of a ZooKeeper ensemble were
// told while it was being broken is consistent. It is pure: a workload
// records, this package judges.
//
// What ZooKeeper promises, and Check holds it to, is on the page
// https://zookeeper.apache.org/doc/r3.8.4/zookeeperProgrammers.html#ch_zkGuarantees:
// updates of a client are applied in the order in which it sent them; an
// update that was acknowledged, or seen, is never rolled back; a session never
// sees an older view than it saw before, whichever server it is connected to;
// and a view is behind for a bounded time only. Writes are linearizable, plain
// reads are not: "ZooKeeper does not guarantee that at every instance in time,
// two different clients will have identical views".
package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Kind is what a client asked for.
type Kind string

// The kinds. Write, CAS and the reads are of registers: nodes that are made
// before the workload starts and deleted after it has ended. No two writes of
// a register have the same value, so that a value names its write: clients
// number them.
const (
	// Write sets a value whatever the version is (setData with -1).
	Write Kind = "write"
	// CAS sets a value on the condition that the version is still the one
	// that the client has read: Expected and ExpectedVersion. It never guesses
	// a version: ZooKeeper compares versions and not values, so only this makes
	// its success a statement about the value too. The read is recorded as an
	// operation of its own. Failed means BadVersion and nothing else.
	CAS Kind = "cas"
	// Read may be stale, but never goes back within a session.
	Read Kind = "read"
	// SyncRead is a read after sync, and is judged as a Read: sync is not a
	// quorum operation, so that what it reads may be stale while two servers
	// think that they are the leader
	// (https://zookeeper.apache.org/doc/r3.8.4/zookeeperInternals.html, "Consistency Guarantees").
	SyncRead Kind = "sync-read"
	// SettledRead must see the newest value. The same page says how: the
	// session has a write, of any node, acknowledged before it reads. Start is
	// when that write began. After the repair, when all servers follow one
	// leader and nobody writes, sync does as well.
	SettledRead Kind = "settled-read"
	// CreateSequential makes a child of Key; Name is the name that it got.
	CreateSequential Kind = "create-sequential"
	// CreateEphemeral makes the node Key, which ends with the session.
	CreateEphemeral Kind = "create-ephemeral"
	// Delete deletes the node Key.
	Delete Kind = "delete"
)

// Outcome is what a client was told.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"  // the ensemble answered that it was not done: BadVersion, NodeExists, NoNode
	Refused Outcome = "refused" // it was never sent: surely not done, and nothing was learned
	Unknown Outcome = "unknown" // no answer: done, not done, or still to be done
)

// Operation is what a client asked for and was told. Times are of one
// monotonic clock, counted from any moment.
type Operation struct {
	Client          int           `json:"client"`
	Session         int64         `json:"session"`
	Kind            Kind          `json:"kind"`
	Key             string        `json:"key"`                        // path; of the parent for CreateSequential
	Name            string        `json:"name,omitempty"`             // of the child made
	Value           int64         `json:"value,omitempty"`            // written or read
	Version         int64         `json:"version,omitempty"`          // of the node as read, or as made by an acknowledged write
	Zxid            int64         `json:"zxid,omitempty"`             // mzxid of the same answer; 0: not told
	Expected        int64         `json:"expected,omitempty"`         // CAS: the value that the client had read
	ExpectedVersion int64         `json:"expected_version,omitempty"` // CAS: its version
	Start           time.Duration `json:"start"`
	End             time.Duration `json:"end"` // of the answer, or when the client gave up
	Outcome         Outcome       `json:"outcome"`
	Error           string        `json:"error,omitempty"`
}

// forever is the end of what may still be done at any time.
const forever = time.Duration(math.MaxInt64)

// sets says whether the operation is a write of a register.
func (o Operation) sets() bool { return o.Kind == Write || o.Kind == CAS }

// reads says whether the operation is a read of a register.
func (o Operation) reads() bool {
	return o.Kind == Read || o.Kind == SyncRead || o.Kind == SettledRead
}

// writes says whether the operation changes the tree.
func (o Operation) writes() bool { return !o.reads() }

// mayBeDone says whether the operation was done for all that is known.
func (o Operation) mayBeDone() bool { return o.Outcome == OK || o.Outcome == Unknown }

// String names the operation in a finding.
func (o Operation) String() string {
	what := string(o.Kind)
	switch {
	case o.Kind == CAS:
		what = fmt.Sprintf("cas from %d (version %d) to %d", o.Expected, o.ExpectedVersion, o.Value)
	case o.Kind == Write:
		what = fmt.Sprintf("write of %d", o.Value)
	case o.reads() && o.Outcome == OK:
		what = fmt.Sprintf("%s of %d (version %d)", o.Kind, o.Value, o.Version)
	case o.Name != "":
		what += " of " + o.Name
	}
	told := string(o.Outcome)
	if o.sets() && o.Outcome == OK {
		told = fmt.Sprintf("acknowledged as version %d", o.Version)
	}
	return fmt.Sprintf("client %d's %s at %s (session %#x, %s to %s, %s)",
		o.Client, what, o.Key, o.Session, seconds(o.Start), seconds(o.End), told)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// ByClient sorts operations by client.
func ByClient(operations []Operation) map[int][]Operation {
	all := map[int][]Operation{}
	for _, o := range operations {
		all[o.Client] = append(all[o.Client], o)
	}
	return all
}

// Gap finds the longest time from one moment to another in which no write was
// acknowledged, and when it began. What is still open at either end counts.
func Gap(operations []Operation, from, to time.Duration) (length, start time.Duration) {
	moments := []time.Duration{to}
	for _, o := range operations {
		if o.writes() && o.Outcome == OK && o.End > from && o.End < to {
			moments = append(moments, o.End)
		}
	}
	slices.Sort(moments)
	start, last := from, from
	for _, moment := range moments {
		if moment-last > length {
			length, start = moment-last, last
		}
		last = moment
	}
	return length, start
}

// sweep visits operations by their starts. Before it visits one, it has told
// of every one that had ended by then. Those that touch overlap, as in
// porcupine (its model.go says why).
func sweep(operations []Operation, begins, ended func(Operation)) {
	byStart, byEnd := make([]*Operation, len(operations)), make([]*Operation, len(operations))
	for i := range operations {
		byStart[i], byEnd[i] = &operations[i], &operations[i]
	}
	slices.SortStableFunc(byStart, func(a, b *Operation) int { return cmp.Compare(a.Start, b.Start) })
	slices.SortStableFunc(byEnd, func(a, b *Operation) int { return cmp.Compare(a.End, b.End) })
	told := 0
	for _, o := range byStart {
		for ; told < len(byEnd) && byEnd[told].End < o.Start; told++ {
			ended(*byEnd[told])
		}
		begins(*o)
	}
}
