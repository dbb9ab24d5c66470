package postgresql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// tellEvery is how often a node's journal is looked at for new events.
const tellEvery = time.Second

// tellEvents tells what a node writes into its journal from now on, until the
// function that it returns is called.
func (o *operation) tellEvents(ctx context.Context, n Node) (stop func()) {
	since := time.Now().UTC()
	if events, err := readEvents(ctx, o.Run, o.host(n), 1); err == nil && len(events) > 0 {
		since = events[0].At // by the host's clock
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	tell := func(ctx context.Context) {
		events, err := readEvents(ctx, o.Run, o.host(n), shownEvents)
		if err != nil {
			return // the next look, or the end of the operation, tells
		}
		for _, e := range events {
			if e.At.After(since) {
				since = e.At
				o.stepAt(e.At, e.Node, "%s", e.describe())
			}
		}
	}
	group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(tellEvery):
				tell(ctx)
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
		defer cancel()
		tell(last)
	}
}

// telling says whether the event is about the database and not about the
// program's own life.
func (e Event) telling() bool {
	return !slices.Contains([]string{"agent_started", "agent_stopped", "repmgrd_paused", "repmgrd_unpaused", "duty_failed", "duty_recovered", "rejoin_view"}, e.Name)
}

// describe is an event for people: its name, and what else the line says.
func (e Event) describe() string {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(e.Fields))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil {
		return e.Name
	}
	var more []string
	for name, value := range fields {
		if value == nil || slices.Contains([]string{"at", "event", "node", "term"}, name) {
			continue
		}
		more = append(more, fmt.Sprintf("%s %v", name, value))
	}
	slices.Sort(more)
	text := strings.ReplaceAll(e.Name, "_", " ")
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}
