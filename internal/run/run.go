// Package run is one invocation that may change something: its id, its
// private directory and the tidying of old ones.
package run

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// kept is how many directories of past runs an environment keeps.
const kept = 20

// Run is one invocation. Dir is readable by its owner alone: plan files and
// variable files in it hold secrets in clear.
type Run struct {
	ID      string // 20261122T083015Z-1f2e3d, sorts by time
	Dir     string // <project>/.infra/runs/<environment>/<id>
	Started time.Time
}

// New makes a run's directory and removes the oldest beyond those kept.
func New(project, environment string) (*Run, error) {
	random := make([]byte, 3)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("make a run id: %w", err)
	}
	now := time.Now().UTC()
	parent := filepath.Join(project, ".infra", "runs", environment)
	r := &Run{ID: now.Format("20060102T150405Z") + "-" + hex.EncodeToString(random), Started: now}
	r.Dir = filepath.Join(parent, r.ID)
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the run's directory: %w", err)
	}
	return r, sweep(parent)
}

// File is a path inside the run's directory.
func (r *Run) File(name string) string { return filepath.Join(r.Dir, name) }

// Write puts a file into the run's directory, readable by its owner alone.
func (r *Run) Write(name string, data []byte) (string, error) {
	path := r.File(name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("list past runs: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	for len(names) > kept {
		if err := os.RemoveAll(filepath.Join(parent, names[0])); err != nil {
			return fmt.Errorf("remove the past run %s: %w", names[0], err)
		}
		names = names[1:]
	}
	return nil
}
