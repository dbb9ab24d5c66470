package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process names a process for good: its id may be given to another one later,
// its id and start time together may not.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after the machine's boot
	Boot  string `json:"boot"`  // id of the machine's boot
}

const bootFile = "/proc/sys/kernel/random/boot_id"

// identify gives the identity of a running process.
func identify(pid int) (process, error) {
	boot, err := os.ReadFile(bootFile)
	if err != nil {
		return process{}, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	// The second field is a name in parentheses that may hold anything.
	_, rest, found := strings.Cut(string(text), ") ")
	for found && strings.Contains(rest, ") ") {
		_, rest, found = strings.Cut(rest, ") ")
	}
	fields := strings.Fields(rest)
	const state, start = 0, 19
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return process{}, fmt.Errorf("process %d has ended", pid)
	}
	started, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	return process{PID: pid, Start: started, Boot: strings.TrimSpace(string(boot))}, nil
}

// alive says whether this very process still runs.
func (p process) alive() bool {
	if p.PID == 0 {
		return false
	}
	now, err := identify(p.PID)
	return err == nil && now == p
}

// signal sends a signal to this very process, if it still runs.
func (p process) signal(signal syscall.Signal) error {
	if !p.alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// adoptOrphans makes this process the parent of what its children leave behind
// when they end: the containerd of a killed dockerd, for one. Without it they
// would go to the machine's first process, and not every first process reaps.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt orphaned processes: %w", err)
	}
	return nil
}

// reapOrphans collects the ended children that nobody waits for. It belongs to
// the very end of this process: it would take the results of programs that are
// still being waited for.
func reapOrphans(limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("reap orphaned processes: %w", err)
		case pid > 0:
			continue
		case time.Now().After(deadline):
			return errors.New("reap orphaned processes: some still run")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
