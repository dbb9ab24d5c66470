package terraform

import (
	"errors"
	"strings"
	"time"

	"infra/internal/fault"
)

// lock is who holds the lock of a state, as Terraform names it.
type lock struct {
	id        string
	operation string    // "OperationTypeApply"
	who       string    // user@host
	created   time.Time // UTC; zero when it cannot be read
}

// parseLock finds the holder in Terraform's words.
func parseLock(text string) (lock, bool) {
	_, info, found := strings.Cut(text, "Lock Info:")
	if !found {
		return lock{}, false
	}
	var l lock
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "ID":
			l.id = value
		case "Operation":
			l.operation = value
		case "Who":
			l.who = value
		case "Created":
			l.created, _ = time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", value) // zero: not known
		}
	}
	return l, l.id != ""
}

// String names the holder for people.
func (l lock) String() string {
	text := "the state is locked by " + l.who
	if what := strings.ToLower(strings.TrimPrefix(l.operation, "OperationType")); what != "" {
		text += " (" + what + ")"
	}
	if !l.created.IsZero() {
		text += " since " + l.created.UTC().Format(time.RFC3339)
	}
	return text + ", lock ID " + l.id
}

// locked is the error of a run that has found the state locked.
func (l lock) locked(op, environment string) error {
	return fault.New(fault.Locked, op, errors.New(l.String()),
		"infra runs "+environment+"\nwait for that run to end, or give this one time: --lock-timeout 10m\nif it is dead: infra unlock "+environment+" --lock "+l.id)
}
