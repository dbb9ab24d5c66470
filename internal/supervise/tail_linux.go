package supervise

import (
	"time"

	"golang.org/x/sys/unix"
)

// growth gives a function that returns when one of the files may have grown.
func growth(tails []*tail) func() {
	inotify, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	for _, t := range tails {
		if err == nil {
			_, err = unix.InotifyAddWatch(inotify, t.file.Name(), unix.IN_MODIFY)
		}
	}
	if err != nil { // out of watches, or a kernel without them
		return func() { time.Sleep(pause) }
	}
	events := make([]byte, 4<<10)
	return func() {
		// What they say does not matter; a failure is a pause too short.
		if n, err := unix.Read(inotify, events); n <= 0 || err != nil {
			time.Sleep(pause)
		}
		time.Sleep(gather)
	}
}
