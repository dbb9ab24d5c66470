package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/supervise"
)

// interrupts turns signals into the end of a context. The first one, whichever
// it is, stops infra softly: what is in flight ends and is saved, nothing new
// begins. Further ones change nothing (a pipeline that is cancelled sends
// several), but at a terminal a second Ctrl-C asks whether to stop at once.
type interrupts struct {
	signals chan os.Signal
	cancel  context.CancelCauseFunc
	con     atomic.Pointer[console.Console]
	stopped atomic.Bool // the first signal was there
	asking  atomic.Bool
}

// interruptible gives the context of a command. SIGHUP counts unless it was
// ignored when infra was started (nohup). A write to a stream that nobody reads
// any more fails instead of killing infra.
func interruptible(parent context.Context) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancelCause(parent)
	i := &interrupts{signals: make(chan os.Signal, 8), cancel: cancel}
	wanted := []os.Signal{unix.SIGINT, unix.SIGTERM}
	if !signal.Ignored(unix.SIGHUP) {
		wanted = append(wanted, unix.SIGHUP)
	}
	signal.Notify(i.signals, wanted...)
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE) // nobody reads this one
	go i.obey()
	return ctx, i
}

// attach names the console that people are told and asked on.
func (i *interrupts) attach(con *console.Console) {
	i.con.Store(con)
	if i.stopped.Load() {
		con.Interrupt()
	}
}

// end gives signals their ordinary effect back.
func (i *interrupts) end() {
	signal.Stop(i.signals)
	i.cancel(nil)
}

func (i *interrupts) obey() {
	for received := range i.signals {
		switch {
		case i.stopped.CompareAndSwap(false, true):
			i.first(received)
		case received == unix.SIGINT:
			i.second()
		}
	}
}

func (i *interrupts) first(received os.Signal) {
	i.cancel(fault.New(fault.Interrupted, "", fmt.Errorf("interrupted by %s", signalName(received)), ""))
	con := i.con.Load()
	if con == nil {
		return
	}
	con.Interrupt()
	text := "stopping: what is in flight is finished and saved, nothing new begins"
	if received == unix.SIGINT && con.Asks() {
		text += " (Ctrl-C again to be asked about stopping at once)"
	}
	con.Step("%s", text)
}

// cancelWord is what a person types to stop at once.
const cancelWord = "cancel"

// second asks whether to stop at once. The signals that arrive while the
// question is open change nothing.
func (i *interrupts) second() {
	con := i.con.Load()
	if con == nil || !con.Asks() || !i.asking.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer i.asking.Store(false)
		err := con.ConfirmStop("\nStop at once? What Terraform has in flight is then in no state, hosts are left half configured,\n"+
			"and `infra recover` has to find out what was made. Anything else goes on waiting.", cancelWord)
		if err != nil {
			if !errors.Is(err, console.ErrNoTerminal) {
				con.Step("waiting for what is in flight")
			}
			return
		}
		n, err := supervise.Cancel()
		if err != nil {
			con.Warn("stop at once: %v", err)
		}
		con.Step("stopping %s at once", console.Count(n, "tool"))
	}()
}

// signalName is SIGINT, SIGTERM or SIGHUP.
func signalName(s os.Signal) string {
	if number, ok := s.(unix.Signal); ok {
		return unix.SignalName(number)
	}
	return s.String()
}
