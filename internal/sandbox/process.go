package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
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
