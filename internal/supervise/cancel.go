package supervise

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// cancelledHard is the file that says so in a run's folder of children.
const cancelledHard = "cancelled-hard"

// Cancel makes every tool that this process has had started end at once,
// without saving what it has in flight, and tells how many there were. Only a
// person may ask for it, once an interrupt has been tried.
func Cancel() (int, error) {
	children, err := process.Children()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, child := range children {
		if !supervised(child.PID) {
			continue
		}
		n++
		err = errors.Join(err, child.Signal(unix.SIGUSR1))
	}
	return n, err
}

// CancelledHard tells whether a tool of the run with this folder of children
// was made to end without saving: then the run's outcome is unknown.
func CancelledHard(children string) bool {
	_, err := os.Stat(filepath.Join(children, cancelledHard))
	return err == nil
}
