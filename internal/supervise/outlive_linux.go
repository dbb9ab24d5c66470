package supervise

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Program is what libraries start in place of a tool: this very program, even
// when its file was replaced or removed since it was started.
const Program = "/proc/self/exe"

// outlive makes this process survive infra. terraform-exec asks the kernel to
// kill what it starts along with infra (PR_SET_PDEATHSIG), which is the one
// thing that a supervisor must survive. The wish belongs to the process's main
// thread and only that thread can take it back. A Go program begins there but
// may have been moved; then the way out is to start this program anew: it takes
// over the thread that calls, and no thread but the first has the wish.
func outlive() error {
	if os.Getenv(outliving) != "" {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Gettid() == unix.Getpid() {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
			return fmt.Errorf("outlive infra: %w", err)
		}
		return nil
	}
	if err := unix.Exec(Program, os.Args, append(os.Environ(), outliving+"=1")); err != nil {
		return fmt.Errorf("outlive infra: %w", err)
	}
	return nil // never reached
}
