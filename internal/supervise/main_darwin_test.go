package supervise

import (
	"fmt"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// likeTerraformExec starts a process as any other: in this one's group.
func likeTerraformExec() *syscall.SysProcAttr { return nil }

// ignored says in its line SigIgn which signals this process ignores: of these
// two a Go program knows it.
func ignored() ([]byte, error) {
	mask := 0
	for _, one := range []syscall.Signal{unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(one) {
			mask |= 1 << (one - 1)
		}
	}
	return fmt.Appendf(nil, "SigIgn:\t%x\n", mask), nil
}
