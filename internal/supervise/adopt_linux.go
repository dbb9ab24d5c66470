package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// adopt makes what a tool leaves behind a child of this process instead of the
// system's: then it can be found.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// leavings gives the function that finds what a tool has started and what still
// runs. The kernel knows it at any time: see adopt.
func leavings(int, <-chan struct{}) func() ([]process.Identity, error) { return process.Descendants }

// supervised tells whether a process was started as one.
func supervised(pid int) bool {
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	return err == nil && strings.Contains("\x00"+string(environ), "\x00"+Variable+"=")
}
