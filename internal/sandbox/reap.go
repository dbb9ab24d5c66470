package sandbox

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

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
