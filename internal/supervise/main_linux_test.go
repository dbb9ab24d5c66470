package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// likeTerraformExec starts a process in a group of its own, to be killed along
// with this one.
func likeTerraformExec() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
}

// ignored says in its line SigIgn which signals this process ignores.
func ignored() ([]byte, error) { return os.ReadFile("/proc/self/status") }
