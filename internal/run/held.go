package run

import (
	"errors"
	"fmt"
	"time"

	"infra/internal/fault"
)

// How a lease lives. A holder shows a sign of life every beatEvery; without
// one for deadAfter it is dead, unless its machine knows better.
const (
	beatEvery = 10 * time.Second
	beatLimit = 5 * time.Second // of one attempt
	deadAfter = 90 * time.Second
)

// Why a lease was given back. Any other reason is that of a supervisor: infra
// has died, and the programs that it started have ended.
const (
	released = "ended"     // by its run
	unlocked = "unlocked"  // by a person, with proof that the run is dead
	refused  = "not begun" // taken, but an earlier run is open
)

// Held is what the lease of an environment says.
type Held struct {
	Holder
	Beat     time.Time     // last sign of life, by the server's clock
	Age      time.Duration // since then, by the server's clock
	Released string        // why it was given back; empty while it is held

	etag string
	beat uint64
}

// Free tells whether nobody holds the lease: it was never taken, or given back.
func (h Held) Free() bool { return h.Run == "" || h.Released != "" }

// proper tells whether the run has ended by itself, leaving nothing behind.
func (h Held) proper() bool { return h.Run == "" || h.Released == released || h.Released == refused }

// Dead tells whether the holder is provably gone, and why. This machine's own
// processes prove it at once, or prove the contrary; for any other holder the
// missing sign of life does.
func (h Held) Dead() (dead bool, why string) {
	if h.Free() {
		return false, ""
	}
	switch known, alive := h.proof(); {
	case known && alive:
		return false, ""
	case known:
		return true, fmt.Sprintf("its process %d on this machine is gone", h.PID)
	case h.Age > deadAfter:
		return true, "it has shown no sign of life for " + h.Age.Round(time.Second).String()
	default:
		return false, ""
	}
}

// Wait says what to do while somebody else holds the lease. The zero value
// fails at once.
type Wait struct {
	Timeout time.Duration // how long to wait; 0: fail at once, naming the holder
	Waiting func(Held)    // called after each look at a holder that is alive; may be nil
	// Repair lets a run begin although an earlier one is open: recover and
	// `state push-errored` only.
	Repair bool
}

// locked is the error for a lease that somebody else holds.
func (s *Store) locked(verb string, h Held) error {
	seen := "an unknown time"
	if !h.Beat.IsZero() {
		seen = h.Age.Round(time.Second).String()
	}
	text := fmt.Sprintf("the environment is held by %s; last sign of life %s ago", h.Holder, seen)
	if known, alive := h.proof(); known && alive && h.Age > deadAfter {
		text += fmt.Sprintf(", but its process %d on this machine still runs: end that first", h.PID)
	}
	return fault.New(fault.Locked, verb+" "+s.environment, errors.New(text),
		fmt.Sprintf("infra runs %s    to see whether it goes on; or the same command with --lock-timeout 15m, to wait", s.environment))
}

// interrupted is the error for a run that has begun and not ended.
func (s *Store) interrupted(verb string, r Record) error {
	op := verb + " " + s.environment
	if r.Result == StateNotSaved {
		return fault.New(fault.Locked, op, fmt.Errorf("%s could not save a state; it is kept in %s on %s", r.holder(), r.Run, r.Host),
			"infra state push-errored "+s.environment+"    on "+r.Host+", in the same checkout")
	}
	return fault.New(fault.Locked, op,
		fmt.Errorf("%s began to change something and never said how it ended: its outcome is unknown", r.holder()), "infra recover "+s.environment)
}
