package ansible

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	goansible "github.com/apenella/go-ansible/v2/pkg/execute/exec"
	"github.com/apenella/go-ansible/v2/pkg/execute/result"
	"golang.org/x/sys/unix"
)

// grace is how long Ansible may take to end its tasks after an interrupt.
const grace = 2 * time.Minute

// starter makes the processes that go-ansible runs. The library would give
// a plain exec.Cmd all of our environment and standard input; it leaves a
// type of our own alone, so the allow-list holds and a whole process group
// can be interrupted (Ansible's workers go on when only their parent is
// signalled).
type starter struct {
	dir string
	env []string
}

// Command is part of go-ansible's interface.
func (s starter) Command(name string, arg ...string) goansible.Cmder {
	return s.CommandContext(context.Background(), name, arg...)
}

// CommandContext is part of go-ansible's interface.
func (s starter) CommandContext(ctx context.Context, name string, arg ...string) goansible.Cmder {
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	cmd.Cancel = func() error {
		if err := unix.Kill(-cmd.Process.Pid, unix.SIGINT); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("interrupt Ansible: %w", err)
		}
		return nil
	}
	return process{cmd}
}

// process is an exec.Cmd whose Wait reports exits and nothing else, since
// go-ansible asserts that type.
type process struct{ *exec.Cmd }

// Wait waits for the process and sees to it that its group is gone.
func (p process) Wait() error {
	err := p.Cmd.Wait()
	if killErr := unix.Kill(-p.Process.Pid, unix.SIGKILL); killErr != nil && !errors.Is(killErr, unix.ESRCH) && err == nil {
		return killErr
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return &exec.ExitError{ProcessState: p.ProcessState, Stderr: []byte(err.Error())}
	}
	return err
}

// output adapts a listener to go-ansible: it is called once for each stream.
type output struct{ *listener }

// Print is part of go-ansible's interface. The reader is closed by Wait.
func (o output) Print(_ context.Context, stream io.Reader, _ io.Writer, _ ...result.OptionsFunc) error {
	return o.read(stream)
}
