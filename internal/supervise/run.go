package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
	"infra/internal/run"
)

const (
	cannotStart = 127 // exit code when the tool never ran, as a shell gives it
	signalled   = 128 // added to the signal that has ended the tool, likewise

	// watch is how often it is looked whether a process is still there, where
	// the kernel does not tell.
	watch = 250 * time.Millisecond
)

// supervise is the life of a supervisor.
func (s Spec) supervise(args []string) int {
	if s.Version != "" && slices.Equal(args, []string{"version", "-json"}) {
		// terraform-exec asks this before every command.
		_, _ = fmt.Fprintf(os.Stdout, "{\"terraform_version\":%q}\n", s.Version)
		return 0
	}
	signals, hangup := listen()
	if s.gone() {
		return cannotStart // nothing has begun, so there is nothing to finish
	}
	out, errw, err := s.open()
	if err != nil {
		complain(os.Stderr, "%v", err)
		return cannotStart
	}
	// Both files are closed by the end of the process: until then somebody may
	// have something to say.
	before := make([]fs.FileInfo, len(s.Keep))
	for i, keep := range s.Keep {
		before[i] = keep.Look()
	}
	t, err := s.start(args, out.file, errw.file)
	if err != nil {
		complain(os.Stderr, "%v", err)
		return cannotStart
	}
	go t.obey(signals, hangup)
	go follow(out, errw)
	settled := make(chan struct{})
	var guard sync.WaitGroup
	guard.Go(func() { t.guard(settled) })
	code := t.wait()
	for i, keep := range s.Keep {
		if err := keep.move(before[i]); err != nil {
			t.complain("%v", err)
		}
	}
	t.unrecord()
	close(settled)
	guard.Wait()
	out.copy()
	errw.copy()
	return code
}

// heard are the signals that a supervisor takes over.
func heard() []syscall.Signal {
	return []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1}
}

// NeverBegan tells of a supervisor that has ended whether a signal came before
// it listened: only until then can one of these end it, and only afterwards
// does it start its tool.
func NeverBegan(end *os.ProcessState) bool {
	status, known := end.Sys().(syscall.WaitStatus)
	return known && status.Signaled() && slices.Contains(heard(), status.Signal())
}

// listen takes over the signals that would end this process. One that was
// ignored when infra was started (SIGHUP under nohup, SIGINT in a script's
// background) would be ignored by the tool too; taking it over gives the tool
// its default back. hangup tells whether SIGHUP means anything.
func listen() (signals chan os.Signal, hangup bool) {
	hangup = !signal.Ignored(unix.SIGHUP)
	signals = make(chan os.Signal, 8)
	for _, one := range heard() {
		signal.Notify(signals, one)
	}
	// Nobody reads this one: a write to a closed pipe is to fail, not to kill.
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	return signals, hangup
}

// obey passes signals on.
func (t *tool) obey(signals <-chan os.Signal, hangup bool) {
	for received := range signals {
		switch {
		case received == unix.SIGUSR1:
			t.cancel()
		case received == unix.SIGHUP && !hangup:
		default:
			t.interrupt()
		}
	}
}

// gone tells whether infra has ended: another process is the parent now.
func (s Spec) gone() bool { return os.Getppid() != s.Parent }

// leave returns when infra is gone.
func (s Spec) leave() {
	for infra := process.Watch(s.Parent); !s.gone(); infra.Wait(watch) {
	}
}

// guard waits until infra is gone or the tool has ended. When infra is gone,
// it interrupts the tool and keeps the lease until all is settled.
func (t *tool) guard(settled <-chan struct{}) {
	left := make(chan struct{})
	go func() {
		t.spec.leave()
		close(left)
	}()
	select {
	case <-left:
	case <-t.ended:
		if !t.spec.gone() { // it may have gone along with the tool
			return
		}
	}
	t.interrupt()
	if t.spec.Lease == "" {
		return
	}
	stop, err := run.Orphan(context.Background(), t.spec.Lease)
	if err != nil {
		t.complain("keep the lease of a run whose infra is gone: %v", err)
		return
	}
	<-settled
	if t.last() {
		stop(orphaned)
	} else {
		stop("")
	}
}

// orphaned is why a lease was given back without its run's end.
const orphaned = "orphaned"

// last tells whether no other tool of the run is left: only then may the
// lease be given back.
func (t *tool) last() bool {
	if t.spec.Children == "" {
		return true
	}
	others, err := process.Recorded(t.spec.Children)
	if err != nil {
		t.complain("look for other tools of the run: %v", err)
		return false
	}
	return !slices.ContainsFunc(others, process.Identity.Alive)
}

// open opens the two files that the tool writes to.
func (s Spec) open() (out, errw *tail, err error) {
	out, err = openTail(s.Log, os.Stdout)
	if err != nil {
		return nil, nil, err
	}
	errw, err = openTail(s.Log+".stderr", os.Stderr)
	if err != nil {
		return nil, nil, errors.Join(err, out.file.Close())
	}
	return out, errw, nil
}
