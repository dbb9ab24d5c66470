package console

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/progress"
)

// Stream puts every event that is told from now on standard output, a line of
// JSON each, where data goes there as JSON; what WriteJSON writes is then the
// last line.
func (c *Console) Stream() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = c.opts.JSON
}

// Tell takes in what happened: on a terminal the table shows it, and where
// events are streamed it is streamed. Lines that stay are said by Step, Detail
// and Warn.
func (c *Console) Tell(e progress.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams {
		_, _ = c.out.Write(e.Line())
	}
	c.board.Fold(e)
	if !c.draws() {
		return
	}
	c.stale = true
	switch {
	case c.ticks == nil && c.board.Active():
		c.ticks = make(chan struct{})
		go c.redraw(c.ticks)
	case c.ticks != nil && !c.board.Active():
		close(c.ticks)
		c.ticks = nil
		c.say("")
	}
}

// Expect lets the table say how long things take.
func (c *Console) Expect(x progress.Expected) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.board.Expect(x)
}

// Draws tells whether there is a table for what is told.
func (c *Console) Draws() bool { return c.draws() }

// How often the table is drawn: soon after something happened, and every second
// for the time that passes.
const (
	drawEvery = 150 * time.Millisecond
	idleEvery = time.Second
)

// redraw keeps the table up to date, and to the size of the terminal.
func (c *Console) redraw(until <-chan struct{}) {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	last := time.Time{}
	for {
		now := false
		select {
		case <-until:
			return
		case <-resized:
			now = true
		case <-tick.C:
		}
		c.mu.Lock()
		if !c.asking && (now || c.stale || time.Since(last) >= idleEvery) {
			c.say("")
			last = time.Now()
		}
		c.mu.Unlock()
	}
}
