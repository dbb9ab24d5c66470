package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Watched is a process whose end is waited for. It stays open until the end
// of the program.
type Watched struct{ handle int }

// Watch begins to wait for the end of the process that has this id now.
func Watch(pid int) Watched {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return Watched{handle: -1} // it has ended, or the kernel is older than 5.3
	}
	return Watched{handle: handle}
}

// Wait returns when the process has ended. It may return before: after often,
// where the kernel does not tell.
func (w Watched) Wait(often time.Duration) {
	if w.handle < 0 {
		time.Sleep(often)
		return
	}
	events := []unix.PollFd{{Fd: int32(w.handle), Events: unix.POLLIN}} //nolint:gosec // G115: a descriptor
	if n, err := unix.Poll(events, -1); n > 0 && err == nil {
		time.Sleep(time.Millisecond) // for its parent to learn of it
	}
}
