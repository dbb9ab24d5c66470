package pgdrill

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"infra/internal/drill"
	"infra/internal/inventory"
	"infra/internal/ssh"
)

//go:embed files/writer.py
var writerProgram string

//go:embed files/watcher.py
var watcherProgram string

// watch gathers what the client, the nodes' watchers and EC2 tell.
type watch struct {
	mu       sync.Mutex
	attempts []Attempt
	samples  []Sample
	looks    []Look
}

// begin forgets what was seen before a scenario.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts, w.samples, w.looks = nil, nil, nil
}

// seen is what was gathered since.
func (w *watch) seen() (attempts []Attempt, samples []Sample, looks []Look) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.attempts), slices.Clone(w.samples), slices.Clone(w.looks)
}

// fresh is how old a sample may be to tell how things are now.
const fresh = 3 * time.Second

// writable is the node that took a write last, and just now; empty when none
// did.
func (w *watch) writable() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range slices.Backward(w.samples) {
		if time.Since(s.End) > fresh {
			break
		}
		if s.State == Writable {
			return s.Node
		}
	}
	return ""
}

// acknowledged counts the client's rows by route.
func (w *watch) acknowledged() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := map[string]int{}
	for _, a := range w.attempts {
		if a.OK {
			counts[a.Route]++
		}
	}
	return counts
}

// lastError is what the client was told last by way of a route.
func (w *watch) lastError(route string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.attempts) {
		if a.Route == route && a.Error != "" {
			return a.Error
		}
	}
	return "it wrote nothing"
}

// node keeps a watcher running on a data node, also after its host was away.
func (w *watch) node(ctx context.Context, client *ssh.Client, host inventory.Host) {
	for ctx.Err() == nil {
		// Why it ended is no matter: a node that cannot be asked is seen by its
		// samples, which are missing.
		_ = client.Stream(ctx, host, []byte(host.Name+"\n"), func(line []byte) {
			var s Sample
			if json.Unmarshal(line, &s) == nil {
				w.mu.Lock()
				w.samples = append(w.samples, s)
				w.mu.Unlock()
			}
		}, "sudo", "-n", "-u", "postgres", "env", "-C", "/", "python3", "-I", "-c", watcherProgram)
		if drill.Pause(ctx, 500*time.Millisecond) != nil {
			return
		}
	}
}

// cloud asks EC2 every second.
func (w *watch) cloud(ctx context.Context, m machines) {
	for {
		asked, cancel := context.WithTimeout(ctx, 10*time.Second)
		look, err := m.look(asked)
		cancel()
		if err == nil {
			w.mu.Lock()
			w.looks = append(w.looks, look)
			w.mu.Unlock()
		}
		if drill.Pause(ctx, time.Second) != nil {
			return
		}
	}
}

// writer is what a client program is told; it holds the password.
type writer struct {
	Route    string `json:"route"`
	Address  string `json:"address"`
	Database string `json:"database"`
	User     string `json:"user"`
	Password string `json:"password"`
	Scenario int    `json:"scenario"`
}

// write runs one client until the context ends. A client that ends by itself
// is an error: then nothing would be measured.
func (w *watch) write(ctx context.Context, client *ssh.Client, host inventory.Host, settings writer) error {
	input, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	err = client.Stream(ctx, host, append(input, '\n'), func(line []byte) {
		var a Attempt
		if json.Unmarshal(line, &a) == nil {
			w.mu.Lock()
			w.attempts = append(w.attempts, a)
			w.mu.Unlock()
		}
	}, "python3", "-I", "-c", writerProgram)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was ended on purpose
	}
	return fmt.Errorf("the client on %s has ended: %w", host.Label(), errors.Join(err, context.Cause(ctx)))
}

// flow waits until the client has written some rows by every route.
func (w *watch) flow(ctx context.Context, routes []Route, limit time.Duration) error {
	const rows = 10
	deadline := time.Now().Add(limit)
	for {
		counts := w.acknowledged()
		var dry []string
		for _, r := range routes {
			if counts[r.Name] < rows {
				dry = append(dry, fmt.Sprintf("%s (%s): %s", r.Name, r.Address, w.lastError(r.Name)))
			}
		}
		if len(dry) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the client cannot write by way of %s", strings.Join(dry, "; "))
		}
		if err := drill.Pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
