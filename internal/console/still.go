package console

import (
	"sync"
	"time"
)

// stillEvery is after how much time one is told again that something goes on.
const stillEvery = 20 * time.Second

// Still tells every 20 seconds that something goes on, where there is no live
// line to show it: a pipeline's log that says nothing looks dead, and some
// pipelines kill what says nothing. row is the one of the board that says how
// far it is; empty: none. stop ends that, and may be called twice.
func (c *Console) Still(what, row string) (stop func()) { return c.still(what, row, stillEvery) }

func (c *Console) still(what, row string, every time.Duration) (stop func()) {
	if c.draws() {
		return func() {}
	}
	began, ended := time.Now(), make(chan struct{})
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.Step("%s: still at it after %s%s", what, Elapsed(time.Since(began)), c.how(row))
			case <-ended:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) })
}

// how is how far a row of the board is, after a comma.
func (c *Console) how(row string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if said := c.board.Says(row, time.Now()); said != "" {
		return ", " + said
	}
	return ""
}
