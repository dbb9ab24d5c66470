package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

// A console keeps its beginning, where the host keys are printed at the first
// boot, and its end.
const (
	consoleHead = 32 << 10
	consoleTail = 32 << 10
)

// Console is the text that a host has printed, bounded.
type Console struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte
	version int
}

// Write appends to the console.
func (c *Console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	rest := text
	if room := consoleHead - len(c.head); room > 0 {
		room = min(room, len(rest))
		c.head = append(c.head, rest[:room]...)
		rest = rest[room:]
	}
	c.tail = append(c.tail, rest...)
	if extra := len(c.tail) - consoleTail; extra > 0 {
		c.tail = append([]byte(nil), c.tail[extra:]...)
	}
	return len(text), nil
}

// Text is what is kept, and a number that changes with every addition.
func (c *Console) Text() ([]byte, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(append([]byte(nil), c.head...), c.tail...), c.version
}

// Follow copies what the host prints from since on to the console until the
// host stops or ctx ends.
func (m *Machine) Follow(ctx context.Context, instance string, since time.Time, console *Console) (err error) {
	stream, err := m.Docker.ContainerLogs(ctx, instance, container.LogsOptions{
		ShowStdout: true, Follow: true, Since: since.Format(time.RFC3339Nano),
	})
	if err != nil {
		return fmt.Errorf("read the console of host %s: %w", instance, err)
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	if _, err := io.Copy(console, stream); err != nil && ctx.Err() == nil {
		return fmt.Errorf("read the console of host %s: %w", instance, err)
	}
	return nil
}
