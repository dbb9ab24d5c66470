package ansible

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	goansible "github.com/apenella/go-ansible/v2/pkg/execute/exec"
	"github.com/apenella/go-ansible/v2/pkg/execute/result"
	"golang.org/x/sys/unix"
)

// grace is how long Ansible may take to end its tasks after an interrupt.
const grace = 2 * time.Minute

// starter makes the process that go-ansible runs: the supervisor of Ansible.
// The library would give a plain exec.Cmd all of our environment and standard
// input; it leaves a type of our own alone, so the allow-list holds. Whatever
// happens to the context, what is interrupted is Ansible's whole process group
// (its workers go on when only their parent is signalled), and what is waited
// for is its end.
type starter struct {
	dir string
	env []string
	cmd *exec.Cmd // the last that was made
}

// Command is part of go-ansible's interface.
func (s *starter) Command(name string, arg ...string) goansible.Cmder {
	return s.CommandContext(context.Background(), name, arg...)
}

// CommandContext is part of go-ansible's interface.
func (s *starter) CommandContext(ctx context.Context, name string, arg ...string) goansible.Cmder {
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Env = s.dir, s.env
	// Away from the terminal's signals: infra decides what is interrupted.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(unix.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("interrupt Ansible: %w", err)
		}
		return nil
	}
	s.cmd = cmd
	return child{cmd}
}

// finish waits for a process that go-ansible has started and then left alone,
// which it does when the output cannot be read.
func (s *starter) finish() error {
	if s.cmd == nil || s.cmd.Process == nil || s.cmd.ProcessState != nil {
		return nil
	}
	return s.cmd.Wait()
}

// child is an exec.Cmd whose Wait reports exits and nothing else, since
// go-ansible asserts that type.
type child struct{ *exec.Cmd }

// Wait waits for the process.
func (p child) Wait() error {
	err := p.Cmd.Wait()
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
