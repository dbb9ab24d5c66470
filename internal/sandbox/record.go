package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"infra/internal/process"
	"infra/internal/sandbox/network"
)

// Phases of a sandbox's life.
const (
	starting = "starting"
	running  = "running"
	ending   = "ending"
	failed   = "failed"
	expired  = "expired"
)

// record is what the daemon has made on the machine. It is written before the
// thing is made, so nothing can exist without being written down.
type record struct {
	Schema   string    `json:"schema"`
	Phase    string    `json:"phase"`
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Since    time.Time `json:"since"`
	Endpoint string    `json:"endpoint"`
	// Environment is the name of the one that it serves.
	Environment string           `json:"environment,omitempty"`
	Daemon      process.Identity `json:"daemon"`
	Emulator    process.Identity `json:"emulator"`
	Layout      network.Layout   `json:"layout"`
	// NamespacesMounted is true when /run/netns was a mount before.
	NamespacesMounted bool `json:"namespaces_mounted"`
	// WatchesBefore is the machine's limit of inotify instances before it was
	// raised; 0 when it was high enough.
	WatchesBefore int `json:"watches_before,omitempty"`
}

const recordSchema = "infra/sandbox-record/v1"

// readRecord reads the record; one that does not exist is empty.
func readRecord(config Config) (record, error) {
	var found record
	data, err := os.ReadFile(config.recordFile())
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("read the sandbox's record: %w", err)
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return found, fmt.Errorf("read the sandbox's record %s: %w", config.recordFile(), err)
	}
	return found, nil
}

func (r record) write(config Config) error {
	r.Schema = recordSchema
	return writeJSON(config.recordFile(), r)
}

// writeJSON replaces a file as a whole.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, append(data, '\n'))
}

// replace puts data in place of a file, so that readers see the old or the new.
func replace(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
