package supervise

import (
	"strings"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// adopt does nothing: on macOS every orphan becomes launchd's. See kin.
func adopt() error { return nil }

// leavings gives the function that finds what a tool has started and what still
// runs.
func leavings(tool int, ended <-chan struct{}) func() ([]process.Identity, error) {
	k := newKin(tool)
	go k.follow(ended)
	return k.left
}

// supervised tells whether a process was started as one. What the kernel gives
// is the count of arguments, the program's path, arguments and environment.
func supervised(pid int) bool {
	started, err := unix.SysctlRaw("kern.procargs2", pid)
	return err == nil && strings.Contains(string(started), "\x00"+Variable+"=")
}
