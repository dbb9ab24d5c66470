package ssh

import (
	"os/exec"
	"syscall"
	"time"
)

// detach puts a child into a process group of its own and ends that group
// softly when its context does.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second
}
