package services

import (
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestServicesInANamespace(t *testing.T) {
	t.Parallel()
	path, leave := newNamespace(t)
	defer leave()
	s := start(t, "http://127.0.0.1:1", func(c *Config) { c.Namespace = path })
	address := s.front.Addr().String()
	dial := func() error {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
	if err := inNamespace(path, dial); err != nil {
		t.Errorf("from inside: %v", err)
	}
	if err := dial(); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("from outside: %v, want a refusal", err)
	}
}

// newNamespace makes a network namespace with a loopback interface that lives
// until leave is called.
func newNamespace(t *testing.T) (path string, leave func()) {
	t.Helper()
	ready, end := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			path = filepath.Join("/proc/self/task", strconv.Itoa(unix.Gettid()), "ns/net")
			err = raiseLoopback()
		}
		ready <- err
		<-end
	}()
	if err := <-ready; err != nil {
		close(end)
		t.Skipf("no right to make a network namespace: %v", err)
	}
	return path, func() { close(end) }
}

func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	loopback, err := unix.NewIfreq("lo")
	if err == nil {
		loopback.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
	}
	return errors.Join(err, unix.Close(socket))
}
