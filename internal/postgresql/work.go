package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Work is an operation on the nodes: how it asks and reaches them, and whom it
// tells what it does.
type Work struct {
	Sources
	Tell    func(Step)                   // as it happens
	Touched func(inventory.Host, string) // for the ledger: what became of a host
}

// Step is one thing that an operation did, or saw happen on a host.
type Step struct {
	At   time.Time `json:"at"`
	Node string    `json:"node,omitempty"`
	What string    `json:"what"`
}

// Done is what an operation did: an infra/pg-failover/v1, infra/pg-switchover/v1,
// infra/pg-rejoin/v1 or infra/pg-replace/v1 document.
type Done struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	From        string    `json:"from,omitempty"` // the old primary, empty when there was none
	To          string    `json:"to"`             // the new primary, or the node that rejoined
	Began       time.Time `json:"began"`
	Ended       time.Time `json:"ended"`
	Timeline    int       `json:"timeline"`              // the cluster's, afterwards
	LSN         string    `json:"lsn,omitempty"`         // of a switchover: where the old primary's WAL ends
	GapSeconds  float64   `json:"gap_seconds,omitempty"` // without a primary that clients get to, by the hosts' clocks
	Steps       []Step    `json:"steps"`
	Problems    []string  `json:"problems"` // what is not as it should be, now that it is over
}

// Result is the report in a few words.
func (d *Done) Result() string {
	switch d.Schema {
	case RejoinSchema, ReplaceSchema:
		return d.To + " is a standby"
	default:
		return fmt.Sprintf("from %s to %s", cmp.Or(d.From, "nobody"), d.To)
	}
}

// operation is a Work that is under way.
type operation struct {
	Work
	done *Done
}

func (w Work) begin(schema, from, to string) *operation {
	return &operation{Work: w, done: &Done{
		Schema: schema, Environment: w.Common.Environment, From: from, To: to, Began: time.Now().UTC(), Steps: []Step{}, Problems: []string{},
	}}
}

// step notes what was done and tells it.
func (o *operation) step(node, format string, args ...any) {
	o.stepAt(time.Now().UTC(), node, format, args...)
}

// stepAt is step for what a host's clock has the time of.
func (o *operation) stepAt(at time.Time, node, format string, args ...any) {
	s := Step{At: at, Node: node, What: fmt.Sprintf(format, args...)}
	o.done.Steps = append(o.done.Steps, s)
	o.Tell(s)
}

// end closes the report with what the cluster is now.
func (o *operation) end(s Status) *Done {
	o.done.Ended = time.Now().UTC()
	o.done.Problems = s.Problems
	if primary := s.Primary(); primary != nil {
		o.done.Timeline = primary.Timeline
	}
	return o.done
}

// look asks the servers how they are now.
func (o *operation) look(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return Read(ctx, o.Run, o.ec2(), o.Hosts, o.Output)
}

// until looks again and again until the cluster is as wanted. The last look
// comes back in any case.
func (o *operation) until(ctx context.Context, limit time.Duration, wanted func(Status) bool) (Status, bool) {
	deadline := time.Now().Add(limit)
	for {
		s := o.look(ctx)
		if wanted(s) {
			return s, true
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return s, false
		}
		time.Sleep(lookEvery)
	}
}

// lookLimit bounds one look at all servers, lookEvery is the pause between
// two.
const (
	lookLimit = 20 * time.Second
	lookEvery = 300 * time.Millisecond
)

// host is the node's host.
func (o *operation) host(n Node) inventory.Host {
	for _, h := range o.Hosts {
		if h.ID == n.ID {
			return h
		}
	}
	return inventory.Host{}
}

// program runs a subcommand of the host's program for its effect alone.
func (o *operation) program(ctx context.Context, n Node, stdin io.Reader, argv ...string) error {
	_, err := Program[map[string]any](ctx, o.Run, o.host(n), stdin, argv...)
	return err
}

// refused is the error of an operation that was not begun, with every reason.
func refused(op string, reasons []string, hint string) error {
	return fault.New(fault.Refused, op, errors.New(strings.Join(reasons, "; ")), hint)
}

// said is what a program on a host has to say for itself, without the
// command and the code around it.
func said(err error) string {
	text := err.Error()
	var ended interface{ ExitCode() int }
	if errors.As(err, &ended) {
		if _, words, found := strings.Cut(text, fmt.Sprintf("exited with %d: ", ended.ExitCode())); found {
			return words
		}
	}
	return text
}
