package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Schemas of the reports of operations.
const (
	RestartSchema = "infra/zk-restart/v1"
	ReplaceSchema = "infra/zk-replace/v1"
	GrowSchema    = "infra/zk-grow/v1"
	ShrinkSchema  = "infra/zk-shrink/v1"
)

// Work is an operation on the ensemble: how it asks and reaches the servers,
// and whom it tells what it does.
type Work struct {
	Environment string
	Hosts       []inventory.Host
	Run         Run
	Tell        func(Step)                   // as it happens
	Touched     func(inventory.Host, string) // for the ledger: what became of a host
}

// Step is one thing that an operation did, or saw.
type Step struct {
	At     time.Time `json:"at"`
	Server string    `json:"server,omitempty"`
	What   string    `json:"what"`
}

// Done is what an operation did.
type Done struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Began       time.Time `json:"began"`
	Ended       time.Time `json:"ended"`
	Servers     []string  `json:"servers"` // that it was about
	Steps       []Step    `json:"steps"`
	Problems    []string  `json:"problems"` // what is not as it should be, now that it is over
}

// operation is a Work that is under way.
type operation struct {
	Work
	done *Done
}

func (w Work) begin(schema string, servers ...string) *operation {
	return &operation{Work: w, done: &Done{
		Schema: schema, Environment: w.Environment, Began: time.Now().UTC(), Servers: servers, Steps: []Step{}, Problems: []string{},
	}}
}

// step notes what was done and tells it.
func (o *operation) step(server, format string, args ...any) {
	s := Step{At: time.Now().UTC(), Server: server, What: fmt.Sprintf(format, args...)}
	o.done.Steps = append(o.done.Steps, s)
	o.Tell(s)
}

// end closes the report with what the ensemble is now.
func (o *operation) end(s Status) *Done {
	o.done.Ended, o.done.Problems = time.Now().UTC(), s.Problems
	return o.done
}

// Limits of one look at all servers, of the pause between two, and of the
// time until an ensemble is whole again after a change. Before the next server
// is touched it stays so for a while: a follower of ZooKeeper 3.8.0 says that
// it is in step before all of what it got is on its disk, and if it is ended in
// that moment, what was acknowledged can be lost (ZOOKEEPER-4646, -4785).
const (
	lookLimit  = 20 * time.Second
	lookEvery  = time.Second
	wholeLimit = 5 * time.Minute
	wholeFor   = 5 * time.Second
)

// Look asks the servers how they are now.
func (w Work) Look(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	return Read(ctx, w.Run, w.Hosts)
}

// whole waits until everything is well, and stays so. The last look comes back
// in any case.
func (o *operation) whole(ctx context.Context, look func(context.Context) Status) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeLimit)
	defer cancel()
	var since time.Time // it is whole; zero: it is not
	for {
		s := look(ctx)
		switch {
		case !s.Serving || len(s.Problems) > 0:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= wholeFor:
			return s, nil
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return s, fault.New(fault.Failed, "wait for the ensemble of "+o.Environment,
				fmt.Errorf("it is not whole after %s: %s", wholeLimit, strings.Join(s.Problems, "; ")), "infra zk status "+o.Environment)
		}
	}
}

// named is a member by its name, for an operation op.
func (s Status) named(op, environment, name string) (Member, error) {
	var names []string
	for _, m := range s.Members {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Member{}, fault.New(fault.Usage, op, fmt.Errorf("there is no server %q: there are %s", name, strings.Join(names, ", ")), "infra zk status "+environment)
}

// refused is the error of an operation that was not begun, with every reason.
func refused(op string, reasons []string, hint string) error {
	return fault.New(fault.Refused, op, errors.New(strings.Join(reasons, "; ")), hint)
}
