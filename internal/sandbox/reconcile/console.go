package reconcile

import (
	"context"
	"time"
)

// followConsole hands what the host prints to the API, until the host stops.
func (w *worker) followConsole(ctx context.Context, since time.Time) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.r.machine.Follow(ctx, w.id, since, &w.console); err != nil && ctx.Err() == nil {
			w.r.log.Warn("console", "instance", w.id, "error", err)
		}
	}()
	sent := 0
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			<-done
			return
		case <-done:
			ended = true
		case <-ticker.C:
		}
		text, version := w.console.Text()
		if version == sent {
			continue
		}
		if err := w.r.emulator.PutConsole(ctx, w.id, text); err == nil {
			sent = version
		}
	}
}
