package run

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"time"
)

// stamped is the time that ids of runs and roll-outs begin with.
const stamped = "20060102T150405Z"

// rolloutID is what a roll-out's id looks like; it is made like that of a run.
var rolloutID = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$`)

// ValidRollout tells whether a text is the id of a roll-out.
func ValidRollout(id string) bool { return rolloutID.MatchString(id) }

// RolloutBegan is when a roll-out began, as its id says; false when the text is
// no id.
func RolloutBegan(id string) (time.Time, bool) {
	began, err := time.Parse(stamped, second(id))
	return began, err == nil && ValidRollout(id)
}

// clocks is how far the clocks of machines that work on one roll-out may be
// apart; the guard refuses a run at much less.
const clocks = time.Hour

// OfRollout are the runs of one roll-out, oldest first, judged as Runs does. A
// run that holds the lease and has no record yet is among them.
func (s *Store) OfRollout(ctx context.Context, id string) ([]Record, error) {
	began, err := time.Parse(stamped, second(id))
	if err != nil {
		return nil, err
	}
	held, head, present, err := s.present(ctx, func(reading context.Context) (map[string][]string, error) {
		return s.list(reading, s.prefix()+began.Add(-clocks).Format(stamped))
	})
	if err != nil {
		return nil, err
	}
	var found []Record
	for _, run := range slices.Sorted(maps.Keys(present)) {
		r, err := s.assemble(ctx, run, present[run]...)
		if err != nil {
			return nil, err
		}
		if r.judge(held, head); r.Rollout == id {
			found = append(found, r)
		}
	}
	_, recorded := present[held.Run]
	if alive := s.alive(held); alive != nil && !recorded && alive.Rollout == id {
		found = append(found, *alive)
	}
	return found, nil
}
