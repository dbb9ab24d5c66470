package console

import (
	"sync"
	"time"
)

// stillEvery is after how much time one is told again that something goes on.
const stillEvery = 20 * time.Second

// Still tells every 20 seconds that something goes on, where there is no live
// line to show it: a pipeline's log that says nothing looks dead, and some
// pipelines kill what says nothing. stop ends that, and may be called twice.
func (c *Console) Still(what string) (stop func()) { return c.still(what, stillEvery) }

func (c *Console) still(what string, every time.Duration) (stop func()) {
	if c.terminal {
		return func() {}
	}
	began, ended := time.Now(), make(chan struct{})
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.Step("%s: still at it after %s", what, Elapsed(time.Since(began)))
			case <-ended:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) })
}
