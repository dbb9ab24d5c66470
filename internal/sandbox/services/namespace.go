package services

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"infra/internal/sandbox/network"
)

// inNamespace runs open with the calling thread inside the network namespace
// at path. Sockets opened there stay in that namespace wherever they are used
// afterwards. The thread returns to its own namespace; should that fail it is
// never given back to the scheduler.
func inNamespace(path string, open func() error) error {
	if path == "" {
		return open()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		returned, err := onThread(path, open)
		if returned {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// onThread does the work of inNamespace on a locked thread and reports whether
// the thread is back in the namespace it came from.
func onThread(path string, open func() error) (returned bool, err error) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return true, fmt.Errorf("open the own network namespace: %w", err)
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	target, err := os.Open(path)
	if err != nil {
		return true, fmt.Errorf("open the sandbox's network namespace: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := network.Enter(target); err != nil {
		return true, fmt.Errorf("enter the network namespace %s: %w", path, err)
	}
	err = open()
	if back := network.Enter(own); back != nil {
		return false, errors.Join(err, fmt.Errorf("leave the network namespace %s: %w", path, back))
	}
	return true, err
}
