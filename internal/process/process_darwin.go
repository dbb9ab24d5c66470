package process

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// Place says where process ids mean the same: the boot of the kernel.
func Place() (string, error) {
	boot, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return "", fmt.Errorf("read the boot's id: %w", err)
	}
	return boot, nil
}

// look asks for one process. Its start is in microseconds since 1970, by the
// clock as it was then: setting the clock does not change it.
func look(pid int) (status, error) {
	found, err := unix.SysctlKinfoProcSlice("kern.proc.pid", pid)
	if err != nil {
		return status{}, fmt.Errorf("look for process %d: %w", pid, err)
	}
	if len(found) == 0 {
		return status{}, fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	return read(&found[0]), nil
}

// all is every process.
func all() ([]status, error) {
	found, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	running := make([]status, len(found))
	for i := range found {
		running[i] = read(&found[i])
	}
	return running, nil
}

func read(info *unix.KinfoProc) status {
	const zombie = 5 // SZOMB of sys/proc.h
	start := info.Proc.P_starttime
	return status{
		pid: int(info.Proc.P_pid), parent: int(info.Eproc.Ppid), group: int(info.Eproc.Pgid),
		start: uint64(start.Sec)*1_000_000 + uint64(start.Usec), ended: info.Proc.P_stat == zombie, //nolint:gosec // after 1970
	}
}

// Signal sends a signal to the process. A process that has ended is no error.
// macOS has no handle for a process, so between the look and the signal the id
// might come to mean another. It gives ids in a row and uses one again after
// 99,999 others: that many would have to start within these microseconds.
func (i Identity) Signal(signal syscall.Signal) error {
	if !i.Alive() {
		return nil
	}
	if err := unix.Kill(i.PID, signal); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", i.PID, err)
	}
	return nil
}
