package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Watched is a process whose end is waited for. It stays open until the end
// of the program.
type Watched struct{ queue int }

// Watch begins to wait for the end of the process that has this id now.
func Watch(pid int) Watched {
	queue, err := unix.Kqueue()
	if err != nil {
		return Watched{queue: -1}
	}
	unix.CloseOnExec(queue)
	end := []unix.Kevent_t{{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD, Fflags: unix.NOTE_EXIT}} //nolint:gosec // a process id
	if _, err := unix.Kevent(queue, end, nil, nil); err != nil {                                                       // ESRCH: it has ended
		_ = unix.Close(queue)
		return Watched{queue: -1}
	}
	return Watched{queue: queue}
}

// Wait returns when the process has ended, and before, after often: the kernel
// tells of an end once and no more.
func (w Watched) Wait(often time.Duration) {
	if w.queue < 0 {
		time.Sleep(often)
		return
	}
	limit := unix.NsecToTimespec(often.Nanoseconds())
	if n, err := unix.Kevent(w.queue, nil, make([]unix.Kevent_t, 1), &limit); n > 0 && err == nil {
		time.Sleep(time.Millisecond) // for its parent to learn of it
	}
}
