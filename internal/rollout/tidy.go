package rollout

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"infra/internal/fault"
	"infra/internal/run"
)

// What is kept of old roll-outs. The ledgers remember what they did for longer.
const (
	keptAtMost = 50
	keptFor    = 90 * 24 * time.Hour
	keptYoung  = 24 * time.Hour // so long all are kept: workers may still write their logs
)

// Tidy removes the folders of old roll-outs: those beyond the newest, and those
// that are too old. The newest stays, and so does what somebody works on.
func (s Store) Tidy(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Failed, "tidy the roll-outs", err, "")
	}
	var failed []error
	kept := 0
	for _, e := range slices.Backward(entries) { // sorted by name, so by time
		began, ours := run.RolloutBegan(e.Name())
		if !ours {
			continue
		}
		age := now.Sub(began)
		if kept++; kept == 1 || age < keptYoung || kept <= keptAtMost && age < keptFor {
			continue
		}
		failed = append(failed, s.discard(e.Name()))
	}
	if err := errors.Join(failed...); err != nil {
		return fault.New(fault.Failed, "tidy the roll-outs", err, "ls -l "+s.dir)
	}
	return nil
}

// discard removes a roll-out's folder, unless somebody works on it.
func (s Store) discard(id string) error {
	release, err := s.Take(id)
	if fault.CodeOf(err) == fault.Locked {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	return os.RemoveAll(s.Dir(id))
}
