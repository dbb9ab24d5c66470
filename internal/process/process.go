// Package process names an operating-system process for good. A process id
// alone is used again after a while, and means another process after a boot
// or in another container; with the moment of its start and the place where
// it counts it does not.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Identity is one process. The JSON is what a run's directory holds for each
// tool that runs: <pid>.json.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // when it was started, as its kernel counts: see look
	Boot  string `json:"boot"`  // see Place

	// No part of who it is:
	Program    string `json:"program,omitempty"`    // "terraform"
	Supervisor int    `json:"supervisor,omitempty"` // process id of who watches over it
}

// Of is the process that has this id now; fs.ErrNotExist is in the error when
// there is none.
func Of(pid int) (Identity, error) {
	now, err := look(pid)
	if err != nil {
		return Identity{}, err
	}
	place, err := Place()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Start: now.start, Boot: place}, nil
}

// Self is this process.
func Self() (Identity, error) { return Of(os.Getpid()) }

// Alive tells whether the process still runs. One of another place is never
// seen, so callers compare Boot with Place before they conclude anything. When
// it cannot be known, it counts as alive.
func (i Identity) Alive() bool {
	if place, err := Place(); err != nil || place != i.Boot {
		return err != nil
	}
	now, err := look(i.PID)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return now.start == i.Start && !now.ended
}

// status is what the kernel says of a process.
type status struct {
	pid    int
	parent int
	group  int // its process group: the process id of who leads it, or has led it
	start  uint64
	ended  bool // nobody has asked yet how (a zombie)
}

// Record writes the process into dir as <pid>.json and gives a function that
// takes it out again.
func (i Identity) Record(dir string) (remove func() error, err error) {
	data, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, strconv.Itoa(i.PID)+".json")
	// Renamed into place: whoever reads the folder never sees half a record.
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	return func() error { return os.Remove(path) }, nil
}

// Recorded are the processes that a folder names, alive or not. A folder that
// does not exist names none; a record that cannot be read is an error, since
// nobody can tell whether its process has ended.
func Recorded(dir string) ([]Identity, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Identity
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it ended just now
		}
		if err != nil {
			return nil, err
		}
		var one Identity
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, one)
	}
	return all, nil
}
