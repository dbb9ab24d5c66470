package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// tool is the program that a supervisor runs.
type tool struct {
	spec   Spec
	cmd    *exec.Cmd
	errors *os.File      // where the tool's errors go, and the supervisor's own
	ended  chan struct{} // closed when the tool has ended

	left   func() ([]process.Identity, error) // what the tool has started and what still runs
	forget []func() error                     // take the processes out of the run's directory

	mu          sync.Mutex
	interrupted bool
	over        bool // no process has the tool's id any more
}

// start starts the tool in a session of its own: what happens to the terminal
// does not reach it, and signals have the effect that they have on a tool
// started by hand, whatever the caller of infra had them ignored for. Should
// the supervisor itself be killed, the tool runs to its end: a signal from the
// kernel (Linux' PR_SET_PDEATHSIG) might be its second, and Terraform would then give
// up without saving.
func (s Spec) start(args []string, out, errw *os.File) (*tool, error) {
	if err := adopt(); err != nil {
		return nil, fmt.Errorf("watch over what %s starts: %w", s.Program, err)
	}
	t := &tool{spec: s, errors: errw, ended: make(chan struct{})}
	t.record(os.Getpid(), "infra")           // before the tool: it is never there without a trace
	t.cmd = exec.Command(s.Program, args...) //nolint:noctx // it must outlive every context; interrupt is the way to end it
	t.cmd.Env = environment()
	t.cmd.Stdout, t.cmd.Stderr = out, errw
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := t.cmd.Start(); err != nil {
		t.unrecord()
		return nil, fmt.Errorf("start %s: %w", s.Program, err)
	}
	t.left = leavings(t.cmd.Process.Pid, t.ended)
	t.record(t.cmd.Process.Pid, filepath.Base(s.Program))
	return t, nil
}

// environment is that of the tool: the supervisor's own without its task.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case Variable, outliving, collector:
		default:
			env = append(env, pair)
		}
	}
	return env
}

// record writes a process into the run's directory. A failure is told and no
// more: a tool that runs unrecorded is better than one that stops half-way.
func (t *tool) record(pid int, program string) {
	if t.spec.Children == "" {
		return
	}
	id, err := process.Of(pid)
	if err == nil {
		id.Program, id.Supervisor = program, os.Getpid()
		var forget func() error
		if forget, err = id.Record(t.spec.Children); err == nil {
			t.forget = append(t.forget, forget)
			return
		}
	}
	t.complain("record process %d: %v", pid, err)
}

func (t *tool) unrecord() {
	for _, forget := range t.forget {
		if err := forget(); err != nil {
			t.complain("%v", err)
		}
	}
	t.forget = nil
}

// wait waits for the tool's end and gives its exit code.
func (t *tool) wait() int {
	err := t.cmd.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	status, known := t.cmd.ProcessState.Sys().(syscall.WaitStatus)
	// A provider that a killed Terraform was just starting would stay for ever.
	if killed := known && status.Signaled(); t.spec.Group || killed {
		t.clear(killed)
	}
	close(t.ended)
	switch {
	case !known:
		t.complain("wait for %s: %v", t.spec.Program, err)
		return cannotStart
	case status.Signaled():
		return signalled + int(status.Signal())
	default:
		return status.ExitStatus()
	}
}

// interrupt asks the tool, once, to end what it has in flight and to save it.
// Twice would make Terraform give up without saving.
func (t *tool) interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.interrupted || t.over {
		return
	}
	t.interrupted = true
	t.send(unix.SIGINT)
	if t.spec.Grace > 0 {
		time.AfterFunc(t.spec.Grace, t.kill)
	}
}

// cancel interrupts the tool once more: Terraform then ends at once and what
// it had in flight is in no state. Only a person may ask for that, and the run's
// directory remembers it.
func (t *tool) cancel() {
	if t.spec.Children != "" {
		if err := os.WriteFile(filepath.Join(t.spec.Children, cancelledHard), nil, 0o600); err != nil {
			t.complain("remember that the tool was cancelled: %v", err)
		}
	}
	t.interrupt()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.send(unix.SIGINT)
	}
}

// kill ends a tool that an interrupt has not ended.
func (t *tool) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.send(unix.SIGKILL)
	}
}

// clearLimit bounds how long what was killed may take to be gone.
const clearLimit = 10 * time.Second

// clear ends what the tool has started and left behind. Ansible's workers lead
// sessions of their own and would go on managing hosts. After an ordinary end
// the group is enough: what has left it stays on purpose, such as an SSH
// connection that is shared with the next playbook.
func (t *tool) clear(killed bool) {
	if t.spec.Group {
		t.send(unix.SIGKILL)
	}
	if !t.interrupted && !killed {
		return
	}
	for deadline := time.Now().Add(clearLimit); ; time.Sleep(clearPause) {
		left, err := t.left()
		if err == nil && len(left) == 0 {
			return
		}
		for _, one := range left {
			err = errors.Join(err, one.Signal(unix.SIGKILL))
		}
		if time.Now().After(deadline) {
			t.complain("%d processes that %s has left behind do not end (%v)", len(left), t.spec.Program, err)
			return
		}
	}
}

// clearPause is how long a process that was killed usually takes to be gone.
const clearPause = 5 * time.Millisecond

// send signals the tool, or its whole group. The caller holds the lock.
func (t *tool) send(signal syscall.Signal) {
	pid := t.cmd.Process.Pid
	if t.spec.Group {
		pid = -pid // of the session that the tool leads
	} else if t.over {
		return
	}
	if err := unix.Kill(pid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
		t.complain("send %v to process %d: %v", signal, pid, err)
	}
}

// complain adds a line to the tool's errors: they reach infra while it is
// there, and stay in the log when it is not.
func (t *tool) complain(format string, args ...any) { complain(t.errors, format, args...) }

func complain(to *os.File, format string, args ...any) {
	_, _ = fmt.Fprintf(to, "infra: "+format+"\n", args...) // nobody is left to tell
}
