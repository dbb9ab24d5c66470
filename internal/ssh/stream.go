package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"infra/internal/inventory"
)

// Stream executes a command on a host, gives it input and hands over every
// line that it writes to stdout, until it ends or the context does. Its stdin
// stays open that long: a command that ends with its stdin never outlives the
// connection. The connection is one of its own: when the host goes away, Run
// does not wait for it. Words and errors are as with Run.
func (c *Client) Stream(ctx context.Context, host inventory.Host, input []byte, line func([]byte), argv ...string) error {
	words, err := remoteLine(argv)
	if err != nil {
		return fmt.Errorf("run on %s: %w", host.Label(), err)
	}
	cmd := c.command(ctx, c.ConfigFile(), "-S", "none", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2", "-T", "--", host.ID, words)
	stderr := &bounded{most: 64 << 10}
	cmd.Stderr = stderr
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err = errors.Join(inErr, outErr); err != nil {
		return fmt.Errorf("start ssh to %s: %w", host.Label(), err)
	}
	if err = cmd.Start(); err != nil {
		return fmt.Errorf("start ssh to %s: %w", host.Label(), err)
	}
	// A command that is gone before it reads says so by its end.
	_, _ = stdin.Write(input)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		line(lines.Bytes())
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run %s on %s: %w", argv[0], host.Label(), context.Cause(ctx))
	case lines.Err() != nil:
		return fmt.Errorf("run %s on %s: %w", argv[0], host.Label(), lines.Err())
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return classify(host, argv[0], err, stderr.String())
	}
	return nil
}
