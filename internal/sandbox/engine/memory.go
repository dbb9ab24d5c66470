package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Memory is how many bytes the processes of a sandbox's control groups and
// those named hold, what they share counted once: their proportional set size,
// which is the same whatever control groups the machine has. The page cache,
// which the kernel gives back, is not in it.
func Memory(group string, others ...int) (total int64, err error) {
	err = privately(nil, func() error {
		pids := others
		groups, err := groupsBelow(filepath.Join(cgroupRoot, group))
		if err != nil {
			return err
		}
		for _, dir := range groups {
			text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil {
				if gone(err) {
					continue
				}
				return fmt.Errorf("list the processes of a control group: %w", err)
			}
			for _, word := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
					pids = append(pids, pid)
				}
			}
		}
		for _, pid := range pids {
			size, err := proportional(pid)
			if err != nil {
				return err
			}
			total += size
		}
		return nil
	})
	return total, err
}

// proportional is the proportional set size of a process, in bytes; 0 of one
// that has ended meanwhile.
func proportional(pid int) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "Pss:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, nil
}
