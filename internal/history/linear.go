package history

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// step is an operation as the model takes it.
type step struct {
	Operation

	version int64 // that a write made
}

// model is a register of ZooKeeper as a sequential program. A write tells
// which version it made, so at any moment at most one of them fits: the search
// hardly ever has a choice. A hash of the states would not help it: they
// follow from what was done.
func model(initial Register) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, _ any) (bool, any) {
			now, isRegister := state.(Register)
			s, isStep := input.(step)
			if !isRegister || !isStep {
				return false, state
			}
			return s.take(now)
		},
	}
}

// take says whether the operation can be the next, and what is then.
func (s step) take(now Register) (bool, any) {
	switch {
	case s.Kind == SettledRead:
		return now == Register{Value: s.Value, Version: s.Version}, now
	case s.Kind == CAS && s.Outcome == Failed:
		return now.Version > s.ExpectedVersion, now // it was there when the client read it
	case s.Kind == CAS && now != Register{Value: s.Expected, Version: s.ExpectedVersion}:
		return false, now
	}
	return now.Version+1 == s.version, Register{Value: s.Value, Version: s.version}
}

// linearizable judges whether the writes of a register, the failed CAS
// among them, have an order in which each takes effect between its start and
// its end. porcupine searches for it
// (https://github.com/anishathalye/porcupine, README).
func linearizable(r *register, timeout time.Duration) (found, undecided string) {
	steps := r.steps()
	switch porcupine.CheckOperationsTimeout(model(r.initial), steps, timeout) {
	case porcupine.Ok:
		return "", ""
	case porcupine.Unknown:
		return "", fmt.Sprintf("%s could not be judged: no order of its %d operations was found or ruled out within %s", r.key, len(steps), timeout)
	case porcupine.Illegal:
	}
	return r.explain(steps, timeout), ""
}

// steps are the operations that the order is of.
func (r *register) steps() []porcupine.Operation {
	var all []porcupine.Operation
	add := func(s step, until time.Duration) {
		all = append(all, porcupine.Operation{ClientId: s.Client, Input: s, Call: int64(s.Start), Return: int64(until)})
	}
	for _, w := range r.sets {
		if w.done {
			add(step{Operation: w.Operation, version: w.version}, w.until)
		}
	}
	for _, o := range r.checks {
		add(step{Operation: o}, o.End)
	}
	return all
}

// explain names the first operation for which the longest order has no room.
func (r *register) explain(steps []porcupine.Operation, timeout time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(model(r.initial), steps, timeout)
	var longest []int
	for _, partition := range info.PartialLinearizations() {
		for _, order := range partition {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	placed, now := map[int]bool{}, r.initial
	for _, number := range longest {
		placed[number] = true
		if s, isStep := steps[number].Input.(step); isStep {
			if _, next := s.take(now); next != nil {
				now, _ = next.(Register)
			}
		}
	}
	first := -1
	for number, s := range steps {
		if !placed[number] && (first < 0 || s.Return < steps[first].Return) {
			first = number
		}
	}
	text := fmt.Sprintf("the writes of %s are not linearizable", r.key)
	if first < 0 {
		return text // the second search was cut short
	}
	return fmt.Sprintf("%s: after %d of %d operations it holds %d (version %d), and there is no room for %s",
		text, len(longest), len(steps), now.Value, now.Version, steps[first].Input)
}
