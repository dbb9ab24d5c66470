package history

import (
	"maps"
	"slices"
	"strconv"
)

// digits is how long the number at the end of a sequential node's name is
// (zookeeperProgrammers.html, "Sequence Nodes -- Unique Naming").
const digits = 10

// checkSequences wants every acknowledged sequential node to be among the
// children in the end, and numbers to be unique and in the order of time: the
// number counts the creations below the parent.
func checkSequences(h History) (found, undecided findings) {
	byParent, deletes := map[string][]Operation{}, map[string][]Operation{}
	for _, o := range h.Operations {
		switch {
		case !o.mayBeDone():
		case o.Kind == CreateSequential:
			byParent[o.Key] = append(byParent[o.Key], o)
		case o.Kind == Delete:
			deletes[o.Key] = append(deletes[o.Key], o)
		}
	}
	for _, parent := range slices.Sorted(maps.Keys(byParent)) {
		creations := byParent[parent]
		numbered(&found, creations)
		names, listed := h.Children[parent]
		if !listed {
			undecided.add("the %d sequential nodes below %s could not be judged: its children are not recorded", len(creations), parent)
			continue
		}
		kept(&found, parent, creations, names, deletes)
	}
	return found, undecided
}

// numbered judges the numbers of the nodes below one parent.
func numbered(found *findings, creations []Operation) {
	owner := map[int64]Operation{}
	newest, highest := Operation{}, int64(-1)
	sweep(creations, func(o Operation) {
		if o.Outcome != OK {
			return
		}
		number, told := number(o.Name)
		if !told {
			found.add("%s got a name without a number", o)
			return
		}
		if other, twice := owner[number]; twice {
			found.add("number %d was given twice: to %s and to %s", number, other, o)
		}
		owner[number] = o
		if number < highest {
			found.add("%s got a lower number than %s, which had ended before", o, newest)
		}
	}, func(o Operation) {
		if number, told := number(o.Name); told && o.Outcome == OK && number > highest {
			newest, highest = o, number
		}
	})
}

func number(name string) (number int64, told bool) {
	if len(name) < digits {
		return 0, false
	}
	number, err := strconv.ParseInt(name[len(name)-digits:], 10, 64)
	return number, err == nil
}

// kept judges which nodes are below a parent in the end. A number is never
// given again, so what was deleted stays away.
func kept(found *findings, parent string, creations []Operation, names []string, deletes map[string][]Operation) {
	left, unknown := map[string]bool{}, 0
	for _, name := range names {
		left[name] = true
	}
	extra := maps.Clone(left)
	for _, o := range creations {
		if o.Outcome == Unknown {
			unknown++
			continue
		}
		delete(extra, o.Name)
		deletion := deletes[parent+"/"+o.Name]
		if !left[o.Name] && len(deletion) == 0 {
			found.add("%s was acknowledged and is lost", o)
		}
		for _, d := range deletion {
			if left[o.Name] && d.Outcome == OK {
				found.add("%s is still there after %s", o, d)
			}
		}
	}
	if len(extra) > unknown {
		found.add("%d nodes below %s are nobody's, %s the first, and only %d creations have an unknown outcome",
			len(extra), parent, slices.Min(slices.Collect(maps.Keys(extra))), unknown)
	}
}
