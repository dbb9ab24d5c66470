// Package rollout carries out a roll-out of package fleet: it keeps its record,
// calls `infra apply` for one environment after the other, each in a process of
// its own, and asks their ledgers what has been done already.
//
// A process of its own for each environment: what Terraform holds is given back
// to the machine, a signal concerns one of them, credentials of one account are
// never those of another, and what a run does when it is interrupted or killed
// is what `infra apply` has always done.
package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/run"
)

// Store is the roll-outs of a checkout: .infra/fleet/ID.
type Store struct{ dir string }

// NewStore is the store of a project.
func NewStore(project string) Store { return Store{filepath.Join(project, ".infra", "fleet")} }

// Dir is the folder of one roll-out: its record, and a log of each environment.
func (s Store) Dir(id string) string { return filepath.Join(s.dir, id) }

// Log is what an environment's infra says.
func (s Store) Log(id, environment string) string { return logOf(s.Dir(id), environment) }

func logOf(dir, environment string) string { return filepath.Join(dir, environment+".log") }

func (s Store) record(id string) string { return filepath.Join(s.Dir(id), "rollout.json") }
func (s Store) pause(id string) string  { return filepath.Join(s.Dir(id), "paused") }

// Save writes the record: all of it or nothing.
func (s Store) Save(r *fleet.Rollout) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir(r.ID), 0o700); err != nil {
		return fault.New(fault.Failed, "keep roll-out "+r.ID, err, "")
	}
	if err := replace(s.record(r.ID), data); err != nil {
		return fault.New(fault.Failed, "keep roll-out "+r.ID, err, "df -h "+s.dir)
	}
	return nil
}

// replace puts data in the place of a file, on the disk before it returns.
func replace(path string, data []byte) error {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Load reads the record of a roll-out; without an id, that of the newest.
func (s Store) Load(id string) (*fleet.Rollout, error) {
	all, err := s.list()
	if err != nil {
		return nil, err
	}
	if id == "" && len(all) > 0 {
		id = all[len(all)-1]
	}
	if !slices.Contains(all, id) {
		what, next := fmt.Errorf("there is no roll-out %q in this checkout", id), "infra fleet status, for the newest one"
		if id == "" {
			what, next = errors.New("there was no roll-out in this checkout yet"), "infra fleet apply --env NAMES begins one"
		}
		return nil, fault.New(fault.Usage, "find the roll-out", what, next+"; one on Temporal: --on temporal --address HOST:PORT")
	}
	data, err := os.ReadFile(s.record(id))
	if err != nil {
		return nil, fault.New(fault.Failed, "read roll-out "+id, err, "")
	}
	r := &fleet.Rollout{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fault.New(fault.Failed, "read roll-out "+id, err, "infra runs ENV, for what the ledgers say")
	}
	r.Paused = s.Paused(id)
	return r, nil
}

// list are the ids of all roll-outs, oldest first.
func (s Store) list() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Failed, "list the roll-outs", err, "")
	}
	var ids []string
	for _, e := range entries { // sorted by name, so by time
		if _, err := os.Stat(s.record(e.Name())); err == nil && run.ValidRollout(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Take makes this process the only one that works on a roll-out. The error's
// code is fault.Locked when another one does.
func (s Store) Take(id string) (release func(), err error) {
	if err := os.MkdirAll(s.Dir(id), 0o700); err != nil {
		return nil, fault.New(fault.Failed, "keep roll-out "+id, err, "")
	}
	file, err := os.OpenFile(filepath.Join(s.Dir(id), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.New(fault.Failed, "keep roll-out "+id, err, "")
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close() // nothing was written
		return nil, fault.New(fault.Locked, "go on with roll-out "+id, errors.New("another process of this machine works on it"), "infra fleet status "+id)
	}
	return func() { _ = file.Close() }, nil // which unlocks it
}

// Pause asks whoever works on a roll-out to begin nothing more, or no longer so.
func (s Store) Pause(id string, paused bool) error {
	var err error
	if paused {
		err = os.WriteFile(s.pause(id), nil, 0o600)
	} else if err = os.Remove(s.pause(id)); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fault.New(fault.Failed, "pause roll-out "+id, err, "")
	}
	return nil
}

// Paused tells whether a roll-out is to begin nothing more.
func (s Store) Paused(id string) bool {
	_, err := os.Stat(s.pause(id))
	return err == nil
}
