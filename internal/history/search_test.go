package history

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ordered says by trying every order whether a short history of one register
// is as Check wants it: it knows neither porcupine nor which unknown write
// made which version.
func ordered(initial Register, operations []Operation) bool {
	var rest []Operation // what takes a place in the order
	var seen []Operation // what must only have seen a state by a moment
	for _, o := range operations {
		if o.Kind == CAS {
			seen = append(seen, Operation{Value: o.Expected, Version: o.ExpectedVersion, End: o.Start})
		}
		switch {
		case o.Kind == SettledRead, o.sets() && o.mayBeDone(), o.Kind == CAS && o.Outcome == Failed:
			rest = append(rest, o)
		case o.reads() && o.Outcome == OK:
			seen = append(seen, o)
		}
	}
	return place([]moment{{initial, -1}}, 0, rest, seen)
}

// moment is a state and the earliest time at which it can have begun.
type moment struct {
	Register

	since time.Duration
}

// place says whether the rest fits after the states so far.
func place(states []moment, at time.Duration, rest, seen []Operation) bool {
	now := states[len(states)-1]
	open := false
	for i, o := range rest {
		point := max(at, o.Start)
		open = open || o.Outcome != Unknown
		if o.Outcome != Unknown && point > o.End {
			return false
		}
		next, fits := follow(now.Register, o)
		if !fits {
			continue
		}
		others := slices.Concat(rest[:i], rest[i+1:])
		if next != now.Register {
			if place(append(slices.Clone(states), moment{next, point}), point, others, seen) {
				return true
			}
		} else if place(states, point, others, seen) {
			return true
		}
	}
	// What is left may have never been done.
	return !open && !slices.ContainsFunc(seen, func(o Operation) bool {
		return !slices.ContainsFunc(states, func(m moment) bool {
			return m.Register == Register{o.Value, o.Version} && m.since <= o.End
		})
	})
}

// follow is what a register is after an operation that fits.
func follow(now Register, o Operation) (Register, bool) {
	next := Register{o.Value, now.Version + 1}
	right := now == Register{o.Expected, o.ExpectedVersion}
	switch {
	case o.Kind == SettledRead:
		return now, now == Register{o.Value, o.Version}
	case o.Kind == CAS && o.Outcome == Failed:
		return now, now.Version > o.ExpectedVersion
	case o.Kind == CAS && !right:
		return now, false
	case o.Outcome == OK:
		return next, next.Version == o.Version
	}
	return next, true
}

// disturb changes one thing of a history, often into another correct one.
func disturb(operations []Operation, random *rand.Rand) {
	o := &operations[random.IntN(len(operations))]
	other := operations[random.IntN(len(operations))]
	switch random.IntN(6) {
	case 0:
		if o.Version = other.Version; o.reads() {
			o.Value = other.Value
		}
	case 1:
		length := o.End - o.Start
		o.Start = other.Start
		o.End = o.Start + length
	case 2:
		if o.Kind == CAS || o.Kind == Write {
			o.Outcome = []Outcome{OK, Unknown, Refused}[random.IntN(3)]
		}
	case 3:
		if o.Kind == CAS {
			o.Outcome = []Outcome{OK, Failed}[random.IntN(2)]
			o.Version = o.ExpectedVersion + 1
		}
	case 4:
		o.End = o.Start + time.Duration(random.Int64N(int64(20*time.Millisecond)))
	case 5:
		if o.Kind == Read {
			o.Kind = SettledRead
		}
	}
}

// TestCheckAgreesWithEveryOrder compares the check of registers with a search
// that tries everything.
func TestCheckAgreesWithEveryOrder(t *testing.T) {
	t.Parallel()
	right, wrong := 0, 0
	for seed := range uint64(10000) {
		h := simulate(seed, 3, 5, 1, 0.4)
		random := rand.New(rand.NewPCG(seed, 3))
		h.Operations = slices.DeleteFunc(h.Operations, func(o Operation) bool { return !o.sets() && !o.reads() })
		for i := range h.Operations {
			h.Operations[i].Zxid = 0
		}
		if random.IntN(4) == 0 {
			// The settled read at the end narrows down what can have been done.
			h.Operations = h.Operations[:len(h.Operations)-1]
		}
		for range random.IntN(5) {
			if len(h.Operations) > 0 {
				disturb(h.Operations, random)
			}
		}
		const key = "/drill/r0"
		r, ambiguous := newRegister(key, h.Registers[key], h.Operations)
		if ambiguous != "" {
			t.Fatal(ambiguous)
		}
		found, undecided := linearizable(r, time.Minute)
		got, want := len(r.findings) == 0 && found == "" && undecided == "", ordered(h.Registers[key], h.Operations)
		if got != want {
			for _, o := range h.Operations {
				t.Log(o)
			}
			t.Fatalf("seed %d: Check says %v (%q %s), trying every order says %v", seed, got, r.findings, found, want)
		}
		if want {
			right++
		} else {
			wrong++
		}
	}
	if right < 1000 || wrong < 1000 {
		t.Errorf("%d right and %d wrong histories do not say much", right, wrong)
	}
	t.Logf("%d right, %d wrong", right, wrong)
}
