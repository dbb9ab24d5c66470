package supervise

import (
	"time"

	"golang.org/x/sys/unix"
)

// growth gives a function that returns when one of the files may have grown.
func growth(tails []*tail) func() {
	queue, err := unix.Kqueue()
	if err != nil {
		return func() { time.Sleep(pause) }
	}
	unix.CloseOnExec(queue)
	files := make([]unix.Kevent_t, len(tails))
	for i, t := range tails {
		// EV_CLEAR: each growth is told once.
		files[i].Fflags = unix.NOTE_WRITE | unix.NOTE_EXTEND
		unix.SetKevent(&files[i], int(t.file.Fd()), unix.EVFILT_VNODE, unix.EV_ADD|unix.EV_CLEAR)
	}
	if _, err := unix.Kevent(queue, files, nil, nil); err != nil { // a file system that does not tell
		return func() { time.Sleep(pause) }
	}
	events := make([]unix.Kevent_t, len(tails))
	return func() {
		// What they say does not matter; a failure is a pause too short.
		if n, err := unix.Kevent(queue, nil, events, nil); n <= 0 || err != nil {
			time.Sleep(pause)
		}
		time.Sleep(gather)
	}
}
