package zkdrill

import (
	"context"
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"infra/internal/drill"
	"infra/internal/inventory"
	"infra/internal/ssh"
)

//go:embed files/watcher.py
var watcherProgram string

// Roles beside those that a server in service has.
const (
	Electing = "electing" // it says that it does not serve
	Silent   = "silent"   // it does not answer in time
	Down     = "down"     // nobody listens
)

// Sample is what a watcher saw of its server.
type Sample struct {
	At     time.Time
	Server string // the host's name
	Mode   string
}

// watch gathers samples.
type watch struct {
	mu      sync.Mutex
	samples []Sample
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = nil
}

func (w *watch) seen() []Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.samples)
}

// server keeps a watcher running on a host, also after it was away.
func (w *watch) server(ctx context.Context, client *ssh.Client, host inventory.Host) {
	for ctx.Err() == nil {
		// Why it ended is no matter: what cannot be asked has no samples.
		_ = client.Stream(ctx, host, nil, func(line []byte) {
			var told struct {
				Mode string `json:"mode"`
			}
			if json.Unmarshal(line, &told) == nil {
				w.mu.Lock()
				w.samples = append(w.samples, Sample{At: time.Now(), Server: host.Name, Mode: told.Mode})
				w.mu.Unlock()
			}
		}, "python3", "-I", "-c", watcherProgram)
		if drill.Pause(ctx, 500*time.Millisecond) != nil {
			return
		}
	}
}
