package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// mostOutput bounds what is kept of a remote command's output, in bytes.
const mostOutput = 8 << 20

// CommandError is a remote command that ran and failed.
type CommandError struct {
	Host    inventory.Host
	Program string // first word of the command
	Code    int    // its exit code
	Stderr  string // first lines of what it said
}

// Error names the host, the program, the code and what it said.
func (e *CommandError) Error() string {
	message := fmt.Sprintf("%s on %s exited with %d", e.Program, e.Host.Label(), e.Code)
	if e.Stderr != "" {
		message += ": " + e.Stderr
	}
	return message
}

// ExitCode is the code that the remote command ended with.
func (e *CommandError) ExitCode() int { return e.Code }

// UnreachableError is a host that could not be logged in to.
type UnreachableError struct {
	Host   inventory.Host
	Reason string // what OpenSSH said, in one line
}

// Error names the host and what OpenSSH said.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s does not answer over SSH: %s", e.Host.Label(), e.Reason)
}

// HostKeyError is a host that showed another key than the recorded one. It is
// never retried.
type HostKeyError struct {
	Host   inventory.Host
	Reason string
}

// Error says plainly what that can mean.
func (e *HostKeyError) Error() string {
	return fmt.Sprintf("the SSH host key of %s is not the one that the cloud vouched for when the instance first booted: "+
		"either its keys were replaced on the host or another machine answers in its place; nothing was sent to it (%s)", e.Host.Label(), e.Reason)
}

// Run executes a command on a host and returns what it wrote to stdout, at
// most 8 MiB. The words reach the remote program as they are: nothing in them
// is seen by a shell. stdin may be nil. The error is an *UnreachableError,
// *HostKeyError, *CommandError or the context's.
func (c *Client) Run(ctx context.Context, host inventory.Host, stdin io.Reader, argv ...string) ([]byte, error) {
	line, err := remoteLine(argv)
	if err != nil {
		return nil, fmt.Errorf("run on %s: %w", host.Label(), err)
	}
	cmd := c.command(ctx, c.ConfigFile(), "-T", "--", host.ID, line)
	stdout := &bounded{most: mostOutput}
	stderr := &bounded{most: 64 << 10}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s on %s: %w", argv[0], host.Label(), context.Cause(ctx))
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return nil, classify(host, argv[0], err, stderr.String())
	}
	if stdout.cut {
		return nil, fmt.Errorf("run %s on %s: it wrote more than %d bytes", argv[0], host.Label(), mostOutput)
	}
	return stdout.Bytes(), nil
}

// classify turns the end of an ssh process into an error. OpenSSH exits with
// 255 for its own failures and with the command's code otherwise.
func classify(host inventory.Host, program string, err error, stderr string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("start ssh to %s: %w", host.Label(), err)
	}
	switch {
	case exit.ExitCode() != 255:
		return &CommandError{Host: host, Program: program, Code: exit.ExitCode(), Stderr: oneLine(stderr)}
	case strings.Contains(stderr, "Host key verification failed"), strings.Contains(stderr, "REMOTE HOST IDENTIFICATION HAS CHANGED"):
		return fault.New(fault.Hosts, "log in to "+host.Label(), &HostKeyError{Host: host, Reason: keyReason(stderr)},
			"look at the instance's console and CloudTrail; if in doubt replace the instance: a new one brings new trusted keys")
	default:
		return &UnreachableError{Host: host, Reason: reason(stderr)}
	}
}

// keyReason is the one line of OpenSSH's banner that says something.
func keyReason(stderr string) string {
	for _, line := range strings.Split(stderr, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "No ") && strings.Contains(line, "host key is known") {
			return "no key of the kind that the host shows is recorded"
		}
		if strings.HasPrefix(line, "SHA256:") {
			return "it shows " + strings.TrimSuffix(line, ".")
		}
	}
	return "host key verification failed"
}

// reason explains OpenSSH's last words where they are cryptic.
func reason(stderr string) string {
	said := oneLine(stderr)
	switch {
	case said == "":
		return "ssh ended without a message"
	case strings.Contains(said, "UNKNOWN port 65535"):
		return "the bastion could not pass the connection on (is the host running, and does its security group let the bastion in?)"
	case strings.Contains(said, "Permission denied"):
		return said + " (the key is not, or not yet, among the account's authorized keys)"
	}
	return said
}

// oneLine is the gist of a program's stderr: its last lines, joined, without
// control characters, at most 400 bytes.
func oneLine(stderr string) string {
	var lines []string
	for _, line := range strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > 4 {
		lines = lines[len(lines)-4:]
	}
	joined := strings.ToValidUTF8(strings.Join(lines, "; "), "?")
	if len(joined) > 400 {
		joined = strings.ToValidUTF8(joined[:400], "") + "..."
	}
	return joined
}

// Command is an ssh process on a host for a person: it inherits the terminal,
// may ask for a passphrase, and runs a login shell when argv is empty. The
// caller starts it. Close must wait until it has ended.
func (c *Client) Command(host inventory.Host, argv ...string) (*exec.Cmd, error) {
	args := []string{"-F", c.interactiveFile(), "--", host.ID}
	if len(argv) > 0 {
		line, err := remoteLine(argv)
		if err != nil {
			return nil, fault.New(fault.Usage, "run on "+host.Label(), err, "")
		}
		args = append(args, line)
	}
	// The person ends it, no context does.
	cmd := exec.CommandContext(context.Background(), c.program, args...)
	cmd.Env = c.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd, nil
}

// remoteLine quotes words for the login shell that sshd hands a command to.
// Inside single quotes POSIX shells take every byte but the quote literally.
func remoteLine(argv []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("no command given")
	}
	words := make([]string, 0, len(argv))
	for _, word := range argv {
		if strings.ContainsRune(word, 0) {
			return "", errors.New("a word of the command holds a NUL byte")
		}
		words = append(words, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(words, " "), nil
}

// bounded keeps the first bytes of a stream and swallows the rest, so that
// the writer never blocks.
type bounded struct {
	bytes.Buffer
	most int
	cut  bool
}

// Write never fails.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); len(p) > room {
		b.cut = true
		b.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
