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
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Identity is one process. The JSON is what a run's directory holds for each
// tool that runs: <pid>.json.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks between the boot and its start
	Boot  string `json:"boot"`  // see Place

	// No part of who it is:
	Program    string `json:"program,omitempty"`    // "terraform"
	Supervisor int    `json:"supervisor,omitempty"` // process id of who watches over it
}

// Place says where process ids mean the same: the boot of the kernel and the
// namespace of process ids. Two containers of one machine count on their own.
func Place() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot's id: %w", err)
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", fmt.Errorf("read the namespace of processes: %w", err)
	}
	return strings.TrimSpace(string(boot)) + " " + namespace, nil
}

// Of is the process that has this id now; fs.ErrNotExist is in the error when
// there is none.
func Of(pid int) (Identity, error) {
	now, err := stat(pid)
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
	now, err := stat(i.PID)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return now.start == i.Start && now.state != 'Z' && now.state != 'X'
}

// status is what the kernel says of a process.
type status struct {
	state  byte // R, S, Z (a zombie), X (gone)
	parent int
	start  uint64 // clock ticks since the boot
}

func stat(pid int) (status, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if errors.Is(err, unix.ESRCH) { // it ended between open and read
		err = fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	if err != nil {
		return status{}, err
	}
	return parse(string(data))
}

// parse reads a line of proc(5) "stat".
func parse(line string) (status, error) {
	// The program's name stands in brackets and may hold anything; after it
	// come the state (field 3), the parent (4) and, as field 22, the start.
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	const startField = 22 - 3
	if len(fields) <= startField {
		return status{}, fmt.Errorf("the status of a process has %d fields", len(fields))
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return status{}, fmt.Errorf("the parent of a process: %w", err)
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return status{}, fmt.Errorf("the start of a process: %w", err)
	}
	return status{state: fields[0][0], parent: parent, start: start}, nil
}

// Children are the processes that this one has started and that still run.
func Children() ([]Identity, error) {
	running, err := all()
	if err != nil {
		return nil, err
	}
	return below(running, os.Getpid(), false)
}

// Descendants are the processes that this one has started and that still run,
// with those that they have started, and so on. One whose own parent has ended
// belongs to them only when this process is a subreaper (prctl(2)).
func Descendants() ([]Identity, error) {
	running, err := all()
	if err != nil {
		return nil, err
	}
	return below(running, os.Getpid(), true)
}

// all is every process, by its parent.
func all() (map[int][]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	running := map[int][]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // no process
		}
		if now, err := stat(pid); err == nil && now.state != 'Z' { // else it has ended
			running[now.parent] = append(running[now.parent], pid)
		}
	}
	return running, nil
}

func below(running map[int][]int, parent int, deep bool) ([]Identity, error) {
	var found []Identity
	for _, pid := range running[parent] {
		one, err := Of(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, one)
		if !deep {
			continue
		}
		more, err := below(running, pid, true)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
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

// Signal sends a signal to the process, and to no other that has its id by
// now. A process that has ended is no error.
func (i Identity) Signal(signal syscall.Signal) error {
	send := func() error { return unix.Kill(i.PID, signal) }
	handle, err := unix.PidfdOpen(i.PID, 0)
	switch {
	case err == nil:
		// The handle is of one process for good; what is checked below is still
		// so when the signal goes out.
		defer func() { _ = unix.Close(handle) }()
		send = func() error { return unix.PidfdSendSignal(handle, signal, nil, 0) }
	case errors.Is(err, unix.ESRCH):
		return nil
	case !errors.Is(err, unix.ENOSYS): // a kernel before 5.3: as near as it gets
		return fmt.Errorf("open process %d: %w", i.PID, err)
	}
	if !i.Alive() {
		return nil
	}
	if err := send(); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", i.PID, err)
	}
	return nil
}
