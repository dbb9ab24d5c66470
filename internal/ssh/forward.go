package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"infra/internal/inventory"
)

// Forward is one connection to a host by way of which this machine reaches
// addresses that the host reaches. A dial costs no handshake of SSH.
type Forward struct {
	through inventory.Host
	cmd     *exec.Cmd
	kill    context.CancelFunc
	life    io.WriteCloser    // while it is open, the connection lives: also a killed process lets go of it
	sockets map[string]string // of addresses
	stderr  *bounded
}

const (
	forwardLimit = time.Minute // how long the connection may take

	// listenLimit is how long ssh may take from making a socket, which is seen
	// at once, to listening on it.
	listenLimit = 5 * time.Second
)

// Forward connects to a host; addresses are "host:port" as that host knows
// them. The connection lives until it is closed.
func (c *Client) Forward(ctx context.Context, through inventory.Host, addresses []string) (*Forward, error) {
	living, kill := context.WithCancel(context.WithoutCancel(ctx))
	f := &Forward{through: through, kill: kill, sockets: map[string]string{}, stderr: &bounded{most: 64 << 10}}
	args := []string{"-S", "none", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"}
	for i, address := range addresses {
		f.sockets[address] = filepath.Join(c.sockets, "forward-"+strconv.Itoa(i))
		args = append(args, "-L", f.sockets[address]+":"+address)
	}
	f.cmd = c.command(living, c.ConfigFile(), append(args, "--", through.ID, "cat")...)
	f.cmd.Stderr = f.stderr
	var err error
	if f.life, err = f.cmd.StdinPipe(); err == nil {
		err = f.cmd.Start()
	}
	if err != nil {
		kill()
		return nil, fmt.Errorf("start ssh to %s: %w", through.Label(), err)
	}
	if err := f.await(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// await waits until every socket is there.
func (f *Forward) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, forwardLimit, fmt.Errorf("ssh to %s does not forward after %s: %s", f.through.Label(), forwardLimit, f.stderr.String()))
	defer cancel()
	for _, path := range f.sockets {
		for {
			if _, err := os.Stat(path); err == nil {
				break
			}
			timer := time.NewTimer(50 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// Dial connects to one of the addresses. That the host could not connect is
// the end of the connection.
func (f *Forward) Dial(ctx context.Context, address string) (net.Conn, error) {
	path, known := f.sockets[address]
	if !known {
		return nil, fmt.Errorf("%s is not forwarded", address)
	}
	for deadline := time.Now().Add(listenLimit); ; {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(deadline) {
			return conn, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Close ends the connection and all that went by way of it.
func (f *Forward) Close() error {
	f.kill()
	_ = f.cmd.Wait() // it was killed
	var errs []error
	for _, path := range f.sockets {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
