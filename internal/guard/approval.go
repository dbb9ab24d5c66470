package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"infra/internal/fault"
)

// Effect is what a plan would do to one resource or output.
type Effect struct {
	Address string // in Terraform's form; output.NAME of an output
	Action  Action
	Digest  string // of all that it would do, values included: what anybody could want to know of it
}

// Intent is what a stack's plan would do, or why there is no plan.
type Intent struct {
	Unplanned string // why there is none; empty: there is one
	Effects   []Effect
}

// Approval is what was approved of one stack, beside what a new plan of the
// same code would do. Approved comes from a file that others could write.
type Approval struct {
	Stack    string // product/environment
	Approved Intent
	Fresh    Intent
}

// differencesShown is how many differences are named before the rest is
// counted.
const differencesShown = 10

// Approved refuses new plans that would do anything else than what was
// approved: more, less, or the same with other values.
func Approved(stacks []Approval) error {
	var wrong []string
	for _, s := range stacks {
		for _, text := range s.wrong() {
			wrong = append(wrong, s.Stack+": "+text)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	more := ""
	if n := len(wrong) - differencesShown; n > 0 {
		wrong, more = wrong[:differencesShown], fmt.Sprintf("; and %d more", n)
	}
	return fault.New(fault.Refused, "compare a new plan with the approved one",
		errors.New("they would not do the same: "+strings.Join(wrong, "; ")+more+". Either something has changed since it was approved, or what was kept is no plan of this code"), "")
}

// wrong is all that differs in one stack.
func (a Approval) wrong() []string {
	switch {
	case a.Approved.Unplanned != "" && a.Fresh.Unplanned != "":
		return nil // neither says what it would do: whoever applies it asks then
	case a.Approved.Unplanned != "":
		return []string{"nobody has approved a plan of it: " + shown(a.Approved.Unplanned)}
	case a.Fresh.Unplanned != "":
		return []string{"it can no longer be planned: " + a.Fresh.Unplanned}
	}
	approved, fresh := byEffect(a.Approved.Effects), byEffect(a.Fresh.Effects)
	var wrong []string
	either := maps.Clone(approved)
	maps.Copy(either, fresh)
	for _, address := range slices.Sorted(maps.Keys(either)) {
		was, now := approved[address], fresh[address]
		switch {
		case slices.Equal(was, now):
		case len(was) == 0:
			wrong = append(wrong, fmt.Sprintf("%s would %s, which nobody approved", shown(address), actions(now)))
		case len(now) == 0:
			wrong = append(wrong, fmt.Sprintf("%s was approved to %s, and would stay as it is", shown(address), actions(was)))
		case actions(was) != actions(now):
			wrong = append(wrong, fmt.Sprintf("%s was approved to %s, and would %s", shown(address), actions(was), actions(now)))
		default:
			wrong = append(wrong, fmt.Sprintf("%s would %s with other values than were approved", shown(address), actions(now)))
		}
	}
	return wrong
}

// byEffect are effects by address. One address may have several: an object
// that was replaced and is still to be deleted has that of its successor.
func byEffect(effects []Effect) map[string][]Effect {
	all := map[string][]Effect{}
	for _, e := range effects {
		all[e.Address] = append(all[e.Address], e)
	}
	for _, same := range all {
		slices.SortFunc(same, func(a, b Effect) int { return strings.Compare(string(a.Action)+a.Digest, string(b.Action)+b.Digest) })
	}
	return all
}

// actions say in words what is done to one address.
func actions(effects []Effect) string {
	var words []string
	for _, e := range effects {
		words = append(words, string(e.Action))
	}
	return strings.Join(words, " and ")
}
