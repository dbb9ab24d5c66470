package provision

import (
	"fmt"
	"slices"
	"strings"

	"infra/internal/console"
	"infra/internal/guard"
)

// explainer says in sentences what a change of a state means for the next
// apply.
type explainer func(StateChange) []string

// news are the changes of one plan that another does not have: same address
// and same action.
func news(of, notIn []guard.Change) []guard.Change {
	var out []guard.Change
	for _, c := range of {
		same := func(other guard.Change) bool { return other.Address == c.Address && other.Action == c.Action }
		if !slices.ContainsFunc(notIn, same) {
			out = append(out, c)
		}
	}
	return out
}

// addressesOf are those of the changes with an action.
func addressesOf(changes []guard.Change, action guard.Action) []string {
	var out []string
	for _, c := range changes {
		if c.Action == action {
			out = append(out, c.Address)
		}
	}
	return out
}

// namesShown is how many addresses a sentence names before it counts.
const namesShown = 5

func names(addresses []string) string {
	if len(addresses) <= namesShown {
		return strings.Join(addresses, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(addresses[:namesShown], ", "), len(addresses)-namesShown)
}

// explainEdit is what can be said of any change.
func explainEdit(c StateChange) []string {
	var out []string
	now := news(c.After.Changes, c.Before.Changes)
	for _, one := range []struct {
		action guard.Action
		text   string
	}{
		{guard.Delete, "would now be destroyed by the next apply: in the state, and not in the code"},
		{guard.Replace, "would now be destroyed and made anew by the next apply"},
		{guard.Create, "would now be created by the next apply: in the code, and no longer in the state. What exists under that name would be there twice, or stand in the way"},
		{guard.Update, "would now be changed by the next apply: the state differs from the code"},
		{guard.Move, "would now be moved by the next apply"},
		{guard.Import, "would now be imported by the next apply"},
		{guard.Forget, "would now be forgotten by the next apply"},
	} {
		if addresses := addressesOf(now, one.action); len(addresses) > 0 {
			out = append(out, names(addresses)+": "+one.text+".")
		}
	}
	if stateful := guard.Stateful(now); len(stateful) > 0 {
		out = append(out, fmt.Sprintf("%s: holds data, so the next apply is refused unless it is named by --allow-destroy.", names(guard.Addresses(stateful))))
	}
	if c.After.Outputs && !c.Before.Outputs {
		out = append(out, "Outputs would now be changed by the next apply.")
	}
	gone := news(c.Before.Changes, c.After.Changes)
	for _, action := range []guard.Action{guard.Delete, guard.Replace, guard.Create, guard.Update, guard.Move, guard.Import, guard.Forget} {
		if addresses := addressesOf(gone, action); len(addresses) > 0 {
			out = append(out, fmt.Sprintf("%s: would no longer be %s.", names(addresses), participle(action)))
		}
	}
	switch {
	case c.After.Empty():
		out = append(out, "The next apply would change nothing: the new state and the code agree.")
	case len(out) == 0:
		out = append(out, "The next apply would do the same as with the state as it is.")
	}
	return out
}

func participle(action guard.Action) string {
	switch action {
	case guard.Delete:
		return "destroyed"
	case guard.Forget:
		return "forgotten"
	case guard.Import:
		return "imported"
	default:
		return string(action) + "d" // created, replaced, updated, moved
	}
}

// explainMove knows that a move is half of a renaming, whose other half is in
// the code.
func explainMove(from, to string) explainer {
	return func(c StateChange) []string {
		out := explainEdit(c)
		now := news(c.After.Changes, c.Before.Changes)
		recreated := below(addressesOf(now, guard.Create), from)
		dropped := below(addressesOf(now, guard.Delete), to)
		if recreated || dropped {
			out = append(out, fmt.Sprintf("The code still has %s and not %s: rename it there too, before the next apply.", from, to))
		}
		return out
	}
}

// explainRemove knows that what was forgotten still exists.
func explainRemove(environment string) explainer {
	return func(c StateChange) []string {
		var out []string
		again := addressesOf(news(c.After.Changes, c.Before.Changes), guard.Create)
		for _, d := range c.Differences {
			if d.Action != "removed" {
				continue
			}
			text := d.Address + ": stays in the cloud, and infra no longer knows it."
			if slices.Contains(again, d.Address) {
				text += fmt.Sprintf(" The code still has it: take it out there, or `infra state import %s %s ID` takes it back.", environment, quoteArgument(d.Address))
			}
			out = append(out, text)
		}
		return append(out, explainEdit(c)...)
	}
}

// explainImport knows that what was imported should be as the code says.
func explainImport(address string) explainer {
	return func(c StateChange) []string {
		for _, change := range c.After.Changes {
			if !below([]string{change.Address}, address) {
				continue
			}
			switch change.Action {
			case guard.Replace, guard.Delete:
				return append([]string{fmt.Sprintf("%s: what was imported differs so much from the code that the next apply would destroy it (%s). Is it the right one?", change.Address, change.Action)}, explainEdit(c)...)
			case guard.Update:
				return append([]string{change.Address + ": what was imported differs from the code; the next apply would bring it to what the code says."}, explainEdit(c)...)
			default:
			}
		}
		return append([]string{address + ": is in the state now and as the code says."}, explainEdit(c)...)
	}
}

// explainRestore knows that what happened since the version is forgotten.
func explainRestore(c StateChange) []string {
	var out []string
	forgotten := 0
	for _, d := range c.Differences {
		if d.Action == "removed" {
			forgotten++
		}
	}
	if !c.Known {
		out = append(out, "There is no state that could be read now, so there is no plan to compare with: this is all that the next apply would do.")
	}
	if forgotten > 0 {
		out = append(out, fmt.Sprintf("The version lacks %s of the state as it is: infra would no longer know what is there (`infra state import` takes it back).", console.Count(forgotten, "resource")))
	}
	return append(out, explainEdit(c)...)
}

// below tells whether any of the addresses is the given one or inside it.
func below(addresses []string, address string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool {
		rest, ok := strings.CutPrefix(a, address)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// quoteArgument makes an address one word for a shell.
func quoteArgument(address string) string {
	if strings.ContainsAny(address, `["`) {
		return "'" + strings.ReplaceAll(address, "'", `'\''`) + "'"
	}
	return address
}
