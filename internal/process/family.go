package process

import (
	"os"
	"slices"
)

// Children are the processes that this one has started and that still run.
func Children() ([]Identity, error) { return below(os.Getpid(), false) }

// Descendants are the processes that this one has started and that still run,
// with those that they have started, and so on. One whose own parent has ended
// belongs to them only when this process is a subreaper (Linux' prctl(2)).
func Descendants() ([]Identity, error) { return below(os.Getpid(), true) }

func below(root int, deep bool) ([]Identity, error) {
	place, err := Place()
	if err != nil {
		return nil, err
	}
	running, err := all()
	if err != nil {
		return nil, err
	}
	children := map[int][]status{}
	for _, one := range running {
		if !one.ended {
			children[one.parent] = append(children[one.parent], one)
		}
	}
	var found []Identity
	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, one := range children[next[0]] {
			found = append(found, Identity{PID: one.pid, Start: one.start, Boot: place})
			if deep {
				next = append(next, one.pid)
			}
		}
	}
	return found, nil
}

// Kin are what is left of the processes that are known and of all that came
// from them: who still runs, who was started by one of these, and who is in a
// process group that one of these leads or has led. One that has ended stays
// among them for as long as its group has members, which is how long no other
// process gets its id. Asked again and again, each time with the last answer,
// this finds what no parent leads to any more: where no process can be a
// subreaper, all orphans become the system's.
func Kin(known []Identity) ([]Identity, error) {
	running, err := all()
	if err != nil {
		return nil, err
	}
	place, err := Place()
	if err != nil {
		return nil, err
	}
	family := map[int]Identity{}
	for _, one := range known {
		family[one.PID] = one
	}
	needed := map[int]bool{} // ids that a process or a group has
	for _, one := range running {
		if before, is := family[one.pid]; is && before.Start != one.start {
			delete(family, one.pid) // another process has its id by now
		}
		if !one.ended {
			needed[one.pid], needed[one.group] = true, true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, one := range running {
			_, is := family[one.pid]
			_, child := family[one.parent]
			_, member := family[one.group]
			if !is && !one.ended && (child || member) {
				family[one.pid] = Identity{PID: one.pid, Start: one.start, Boot: place}
				grown = true
			}
		}
	}
	var left []Identity
	for pid, one := range family {
		if needed[pid] {
			left = append(left, one)
		}
	}
	slices.SortFunc(left, func(a, b Identity) int { return a.PID - b.PID })
	return left, nil
}
