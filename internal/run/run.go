// Package run is one invocation that may change something: its id, its
// private directory, the lease that keeps others out of the environment while
// it goes on, and the ledger that remembers what it did.
//
// Lease and ledger are objects in the environment's state bucket, written with
// S3's conditional writes, so that any machine sees the same. A run goes like
// this:
//
//	Acquire   the lease is written over exactly what was seen to be free or
//	          dead; a heartbeat keeps it
//	Open      just before the first change: begin.json, and the head calls
//	          the run open
//	Close     end.json, and the head has the states that the run left
//	Release   the lease is marked as given back
//
// Whatever dies in between leaves the head open, and the next run is told to
// recover. Time is always the server's: the age of a lease is the difference
// between the Date and the Last-Modified of one answer.
package run

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"infra/internal/process"
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

// NewID makes the id of a run or a roll-out.
func NewID(now time.Time) (string, error) {
	random := make([]byte, 3)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return now.UTC().Format(stamped) + "-" + hex.EncodeToString(random), nil
}

// New makes a run's directory and removes the oldest beyond those kept.
func New(project, environment string) (*Run, error) {
	now := time.Now().UTC()
	id, err := NewID(now)
	if err != nil {
		return nil, err
	}
	parent := filepath.Join(project, ".infra", "runs", environment)
	r := &Run{ID: id, Started: now}
	r.Dir = filepath.Join(parent, r.ID)
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the run's directory: %w", err)
	}
	return r, sweep(parent)
}

// Approved is the folder in a run's directory for plans that others have made.
const Approved = "approved"

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

// Tidy removes what only the run itself needed and what holds secrets: plan
// files, variable files and what supervisors were told. Logs stay, and so does
// a state that could not be saved.
func (r *Run) Tidy() error {
	var problems []error
	for _, pattern := range []string{"*.tfplan", filepath.Join(Approved, "*.tfplan"), "*.bundle", "*.tfvars.json", "variables.json", LeaseFile} {
		found, err := filepath.Glob(filepath.Join(r.Dir, pattern))
		problems = append(problems, err)
		for _, path := range found {
			problems = append(problems, os.Remove(path))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("tidy the run's directory: %w", err)
	}
	return nil
}

// Unsaved are the states in a run's directory that Terraform could not write
// to S3: paths of files, sorted.
func Unsaved(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "*-errored.tfstate"))
}

// sweep removes the oldest directories beyond those kept. One with a state
// that is nowhere else, or with a program that still runs, stays.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("list past runs: %w", err)
	}
	var dirs []string
	for _, e := range entries { // sorted by name, so by age
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(parent, e.Name()))
		}
	}
	for _, dir := range dirs[:max(0, len(dirs)-kept)] {
		unsaved, err := Unsaved(dir)
		if err != nil || len(unsaved) > 0 {
			continue
		}
		programs, err := process.Recorded(Children(dir))
		if err != nil || slices.ContainsFunc(programs, process.Identity.Alive) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove the past run %s: %w", filepath.Base(dir), err)
		}
	}
	return nil
}
