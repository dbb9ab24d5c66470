package ssh

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestStreamHandsOverLines(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	var lines []string
	err := c.Stream(t.Context(), w.hosts[1], []byte("one\ntwo\nthree\n"), func(line []byte) { lines = append(lines, string(line)) }, "head", "-n", "2")
	if want := []string{"one", "two"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("got %q, %v; want %q", lines, err, want)
	}
	var ended *CommandError
	err = c.Stream(t.Context(), w.hosts[1], nil, func([]byte) {}, "false")
	if !errors.As(err, &ended) || ended.Code != 1 {
		t.Errorf("a command that fails: %v", err)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Stream(ctx, w.hosts[1], []byte("here\n"), func([]byte) { cancel() }, "cat") }()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the stream goes on without its context")
	}
}
