package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"infra/internal/fault"
)

// Lifetime is when a sandbox ends by itself, and what it is a clone of. Its
// daemon looks at the file every second, so that it can be put off.
type Lifetime struct {
	Schema  string    `json:"schema"`
	Of      string    `json:"of,omitempty"` // environment that it is a clone of
	Expires time.Time `json:"expires,omitzero"`
}

const lifetimeSchema = "infra/sandbox-lifetime/v1"

// over says that the sandbox should not be there any more.
func (l Lifetime) over(now time.Time) bool { return !l.Expires.IsZero() && !now.Before(l.Expires) }

// readLifetime reads a sandbox's lifetime; without a file it has no end.
func readLifetime(config Config) (Lifetime, error) {
	var l Lifetime
	data, err := os.ReadFile(config.lifetimeFile())
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil {
		return l, fmt.Errorf("read the sandbox's lifetime %s: %w", config.lifetimeFile(), err)
	}
	return l, nil
}

// ReadLifetime tells when a sandbox ends, and what it is a clone of.
func ReadLifetime(config Config) (Lifetime, error) {
	lifetime, err := readLifetime(config)
	if err != nil {
		return lifetime, fault.New(fault.Failed, "look when the sandbox ends", err, config.command("down"))
	}
	return lifetime, nil
}

// Exists says that a sandbox has made something, running or not.
func Exists(config Config) bool {
	found, err := readRecord(config)
	return err != nil || found.Daemon.PID != 0
}

// write sets the lifetime of a sandbox. One that says nothing leaves what was
// said before.
func (l Lifetime) write(config Config) error {
	if l.Expires.IsZero() {
		return nil
	}
	l.Schema = lifetimeSchema
	return writeJSON(config.lifetimeFile(), l)
}

// errExpired ends a sandbox whose time is over.
var errExpired = errors.New("the sandbox has expired")

// overdue is errExpired when the time is over. A lifetime that cannot be read
// ends nothing.
func (d *daemon) overdue() error {
	lifetime, err := readLifetime(d.config)
	if err != nil {
		d.log.Warn("look when the sandbox expires", "error", err)
		return nil
	}
	if lifetime.over(time.Now()) {
		return errExpired
	}
	return nil
}

// expire removes everything, what belongs to the environment included, and
// leaves in the record that it was done: the next command tells people.
func (d *daemon) expire() error {
	lifetime, err := readLifetime(d.config)
	if err != nil {
		d.log.Warn("look when the sandbox expired", "error", err)
	}
	if err := d.end(nil); err != nil {
		return err
	}
	d.record.Phase, d.record.Since = expired, lifetime.Expires
	return errors.Join(d.config.discard(), d.record.write(d.config))
}

// discard removes what goes with the sandbox, and more.
func (c Config) discard(more ...string) error {
	var errs []error
	for _, path := range append(more, c.Discard...) {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

// ownFolder is the folder of a sandbox that nothing is kept of.
func (c Config) ownFolder() []string {
	if len(c.Discard) == 0 {
		return nil
	}
	return []string{c.Dir}
}
