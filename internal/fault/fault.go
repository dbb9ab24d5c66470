// Package fault is the vocabulary of failure: what was being done, to which
// thing, why it failed, what to type next, and the exit code that follows.
// It holds the only table of exit codes.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Code is an exit code of infra.
type Code int

// The exit codes. Scripts and pipelines rely on them; README and every
// command's help repeat them.
const (
	OK            Code = 0   // done, or no difference
	Failed        Code = 1   // failed
	Differences   Code = 2   // plan, drift and diff: there are differences, or findings of audit
	Refused       Code = 3   // refused by a guard
	Locked        Code = 4   // the lease or a state lock is held
	Hosts         Code = 5   // Terraform done, hosts failed or unreachable
	StateNotSaved Code = 6   // applied, but the state could not be saved
	Usage         Code = 64  // usage or invalid configuration
	Interrupted   Code = 130 // interrupted, everything saved
)

// Meaning says in a few words what a code tells the caller.
func (c Code) Meaning() string {
	switch c {
	case OK:
		return "done, or no difference"
	case Failed:
		return "failed"
	case Differences:
		return "there are differences, or findings"
	case Refused:
		return "refused by a guard"
	case Locked:
		return "locked: the lease or a state lock is held"
	case Hosts:
		return "Terraform done, hosts failed or unreachable"
	case StateNotSaved:
		return "applied, but the state could not be saved"
	case Usage:
		return "usage or invalid configuration"
	case Interrupted:
		return "interrupted, everything saved"
	default:
		return "unknown"
	}
}

// Error says what happened (Err) while doing what to which thing (Op), and
// which command mends it (Hint, may be empty).
type Error struct {
	Code Code
	Op   string
	Err  error
	Hint string
}

// New makes an Error.
func New(code Code, op string, err error, hint string) *Error {
	return &Error{Code: code, Op: op, Err: err, Hint: hint}
}

// Error is the one-line form, without the hint.
func (e *Error) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the exit code for an error: that of the outermost Error in its
// chain, Interrupted for a cancelled context, Failed for anything else, OK
// for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	return Failed
}

// HintOf is the outermost non-empty hint in the chain.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
