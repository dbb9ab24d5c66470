package supervise

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// Await is for whoever has seen a supervisor killed: the tool that it ran goes
// on, and Await returns when it has ended, with the file that it may have left
// put where it is kept. It takes the supervisor's place in interrupting the
// tool once, should ctx end meanwhile; had it ended before, the supervisor did
// that. children and pid are the supervisor's folder and process id, before is
// what Look said when it was started.
func Await(ctx context.Context, children string, pid int, keep Keep, before fs.FileInfo) error {
	var stop <-chan struct{} // nil when ctx has ended before: nobody is to interrupt twice
	if ctx.Err() == nil {
		stop = ctx.Done()
	}
	var err error
	if children != "" {
		var recorded []process.Identity
		recorded, err = process.Recorded(children)
		for _, one := range recorded {
			if one.Supervisor == pid {
				err = errors.Join(err, await(stop, one))
			}
		}
	}
	return errors.Join(err, keep.move(before))
}

func await(stop <-chan struct{}, tool process.Identity) (err error) {
	tick := time.NewTicker(watch)
	defer tick.Stop()
	for tool.Alive() {
		select {
		case <-tick.C:
		case <-stop:
			stop, err = nil, tool.Signal(unix.SIGINT)
		}
	}
	return err
}
