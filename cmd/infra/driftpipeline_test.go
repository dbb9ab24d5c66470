//go:build endtoend

package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"infra/internal/sandbox/emulator"
)

// TestDriftOfThePipeline builds the whole platform, and wants it to be without
// drift right after: what providers and siblings do to a state is noise.
func TestDriftOfThePipeline(t *testing.T) {
	t.Parallel()
	c := newCloud(t, func(o *emulator.Options) { o.EnforceRoles = true })
	c.assume(t, "", "")
	c.applyWithoutHosts(t)
	c.assume(t, "plan", "")
	found := c.drift(t, 0, "--skip-hosts")
	for _, f := range found.Findings {
		t.Errorf("just applied, and yet %+v", f)
	}
}

// applyWithoutHosts applies everything, and ends when hosts would be waited for:
// this cloud has none.
func (c *cloud) applyWithoutHosts(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*cloudLimit)
	defer cancel()
	cmd := c.command(ctx, "apply", "cloud", "--auto-approve")
	said := &watched{text: "pipeline/cloud: ", also: "applied in", hit: make(chan struct{})}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	go func() {
		select {
		case <-said.hit: // there are no hosts to wait for
			_ = cmd.Process.Signal(syscall.SIGINT)
		case <-ctx.Done():
		}
	}()
	err := cmd.Wait()
	t.Logf("apply ended after %s with %v", time.Since(started).Round(time.Second), err)
	if !said.done {
		t.Fatalf("it was not applied:\n%s", said.said.String())
	}
}

// watched notices a line.
type watched struct {
	said       bytes.Buffer // not embedded: its ReadFrom would go past Write
	text, also string
	hit        chan struct{}
	done       bool
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.said.Write(p)
	for line := range strings.Lines(w.said.String()) {
		if !w.done && strings.Contains(line, w.text) && strings.Contains(line, w.also) {
			w.done = true
			close(w.hit)
		}
	}
	return n, err
}
