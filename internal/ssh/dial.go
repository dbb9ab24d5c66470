package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"infra/internal/inventory"
)

// Dial connects to an address that a host reaches and this machine does not.
// The address may be a name: the host looks it up. That the host could not
// connect is the error of the first Read. As with a net.Dialer the context is
// for the dialling; the connection lives until it is closed.
func (c *Client) Dial(ctx context.Context, through inventory.Host, address string, port uint16) (net.Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	near, far, err := pair()
	if err != nil {
		return nil, err
	}
	conn, err := net.FileConn(near)
	if err = errors.Join(err, near.Close()); err != nil {
		return nil, errors.Join(err, far.Close())
	}
	living, kill := context.WithCancel(context.WithoutCancel(ctx))
	cmd := c.command(living, c.ConfigFile(), "-S", "none", "-T", "-W", net.JoinHostPort(address, strconv.Itoa(int(port))), "--", through.ID)
	t := &tunnel{Conn: conn, through: through, cmd: cmd, kill: kill, stderr: &bounded{most: 64 << 10}}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, t.stderr
	if err := errors.Join(cmd.Start(), far.Close()); err != nil {
		kill()
		return nil, errors.Join(fmt.Errorf("start ssh to %s: %w", through.Label(), err), conn.Close())
	}
	return t, nil
}

// pair gives both ends of a connection. No program that is started meanwhile
// inherits them: macOS makes no socket that says so itself.
func pair() (near, far *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	syscall.CloseOnExec(ends[0])
	syscall.CloseOnExec(ends[1])
	return os.NewFile(uintptr(ends[0]), "near"), os.NewFile(uintptr(ends[1]), "far"), nil
}

// tunnel is a connection that an ssh process passes on.
type tunnel struct {
	net.Conn
	through inventory.Host
	cmd     *exec.Cmd
	kill    context.CancelFunc
	stderr  *bounded
	wait    sync.Once
	ended   error
}

// Read tells at the end why ssh has ended, where it failed.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
		if why := t.end(); why != nil {
			return 0, why
		}
	}
	return n, err
}

// Close ends ssh too.
func (t *tunnel) Close() error {
	err := t.Conn.Close()
	t.kill()
	_ = t.end() // how it ended is of no interest any more
	return err
}

func (t *tunnel) end() error {
	t.wait.Do(func() {
		if err := t.cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			t.ended = classify(t.through, "ssh", err, t.stderr.String())
		}
	})
	return t.ended
}
