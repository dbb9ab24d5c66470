package network

import (
	"os"

	"golang.org/x/sys/unix"
)

// Enter moves the calling thread, to which the goroutine is locked, into a
// network namespace.
func Enter(namespace *os.File) error { return unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET) }
