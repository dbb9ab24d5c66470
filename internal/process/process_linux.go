package process

import (
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

// look asks for one process. Its start is in clock ticks since the boot.
func look(pid int) (status, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if errors.Is(err, unix.ESRCH) { // it ended between open and read
		err = fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	if err != nil {
		return status{}, err
	}
	now, err := parse(string(data))
	now.pid = pid
	return now, err
}

// parse reads a line of proc(5) "stat".
func parse(line string) (status, error) {
	// The program's name stands in brackets and may hold anything; after it
	// come the state (field 3), the parent (4), the group (5) and, as field 22,
	// the start.
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	const startField = 22 - 3
	if len(fields) <= startField {
		return status{}, fmt.Errorf("the status of a process has %d fields", len(fields))
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return status{}, fmt.Errorf("the parent of a process: %w", err)
	}
	group, err := strconv.Atoi(fields[2])
	if err != nil {
		return status{}, fmt.Errorf("the group of a process: %w", err)
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return status{}, fmt.Errorf("the start of a process: %w", err)
	}
	ended := fields[0] == "Z" || fields[0] == "X" // a zombie, or gone
	return status{parent: parent, group: group, start: start, ended: ended}, nil
}

// all is every process.
func all() ([]status, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var running []status
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // no process
		}
		if now, err := look(pid); err == nil { // else it has ended
			running = append(running, now)
		}
	}
	return running, nil
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
