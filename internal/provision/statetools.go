package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// StateChange is what somebody is asked about before a state is replaced.
type StateChange struct {
	Stack       stack.Stack
	Verb        string             // edit, mv, rm, import, restore
	Differences []state.Difference // between the state as it is and as it would be, masked
	Before      terraform.Plan     // what an apply would do with the state as it is
	After       terraform.Plan     // and with the state as it would be
	Known       bool               // Before could be made
	Explanation []string           // sentences about what is in After and not in Before, and the other way round
	From, To    uint64             // serials; From is 0 when there is no state that can be read
}

// ApproveState is asked before a state is replaced; an error means no.
type ApproveState func(StateChange) error

// StateResult is a state that was replaced.
type StateResult struct {
	Change StateChange
	Was    *state.State // nil when there was none
	Now    *state.State
}

// stateChange is one replacement of a state: what is checked, tried, asked
// and written, in this order.
type stateChange struct {
	verb    string
	product string
	wait    run.Wait
	// make gives the state as it is to be. current is nil when there is none
	// that can be read; try makes a copy for Terraform to work on.
	make    func(ctx context.Context, current *state.State, try func() (*candidate, error)) ([]byte, error)
	explain explainer
	approve ApproveState
}

// replaceState makes a new state for a stack, plans with it, asks, and puts
// it in the place of the one that is there, or leaves everything as it is.
func (p *Platform) replaceState(ctx context.Context, sc stateChange) (result *StateResult, err error) {
	err = p.Change(ctx, "state "+sc.verb, sc.wait, func(ctx context.Context) (err error) {
		stored, current, err := p.replaceable(ctx, sc)
		if err != nil {
			return err
		}
		var c *candidate
		try := func() (_ *candidate, err error) {
			if c == nil {
				c, err = p.candidate(ctx, p.stack(sc.product), current)
			}
			return c, err
		}
		defer func() {
			if c != nil {
				err = errors.Join(err, c.remove())
			}
		}()
		raw, err := sc.make(ctx, current, try)
		if err != nil {
			return err
		}
		raw, err = p.soundState(sc, current, raw)
		if err != nil {
			return err
		}
		if _, err := try(); err != nil {
			return err
		}
		result = &StateResult{Was: current}
		if result.Change, err = p.tryState(ctx, sc, c, current, raw); err != nil {
			return err
		}
		if err := sc.approve(result.Change); err != nil {
			return err
		}
		result.Now, err = p.putState(ctx, sc, raw, stored)
		return err
	})
	return result, err
}

// replaceable reads the state that is to be replaced, and makes sure that it
// can be had back. stored is what is in S3, current the same when it can be
// read; either is nil when there is no such thing.
func (p *Platform) replaceable(ctx context.Context, sc stateChange) (stored, current *state.State, err error) {
	s := p.stack(sc.product)
	op := "state " + sc.verb + " of " + s.String()
	stored, err = p.State(ctx, sc.product)
	current = stored
	switch {
	case errors.Is(err, state.ErrAbsent) && (sc.verb == verbRestore || sc.verb == verbImport):
		stored, current = nil, nil
	case errors.Is(err, state.ErrAbsent):
		return nil, nil, fault.New(fault.Failed, op, err, "infra state history "+p.Env.Name()+" --product "+sc.product)
	case (errors.Is(err, state.ErrEmpty) || errors.Is(err, state.ErrCorrupt)) && sc.verb == verbRestore:
		current = nil
	case err != nil:
		return nil, nil, err
	}
	if stored != nil && (stored.VersionID == "" || stored.VersionID == "null") {
		return nil, nil, fault.New(fault.Refused, op, errors.New("the state bucket keeps no earlier versions, so nothing could be undone"), "infra bootstrap "+p.Env.Name())
	}
	if sc.verb != verbRestore { // a restore is for when it is not as the ledger has left it
		if _, err := p.known(ctx, sc.wait); err != nil {
			return nil, nil, err
		}
	}
	return stored, current, p.cannotPlan(ctx, s)
}

// cannotPlan says why a stack cannot be planned: it reads another's outputs,
// and that one has no state that could be read.
func (p *Platform) cannotPlan(ctx context.Context, s stack.Stack) error {
	states, err := p.read(ctx)
	if err != nil {
		return err
	}
	for _, need := range stack.Products()[s.Product] {
		if states[need] == nil {
			return fault.New(fault.Failed, "plan "+s.String(), errors.New("it reads the outputs of "+p.stack(need).String()+", which has no state that could be read"),
				fmt.Sprintf("infra state history %s --product %s", p.Env.Name(), need))
		}
	}
	return nil
}

// soundState refuses a new state that is none, that is another stack's, or
// that is the old one, and raises its serial above every one that is known.
func (p *Platform) soundState(sc stateChange, current *state.State, raw []byte) ([]byte, error) {
	op := "state " + sc.verb + " of " + p.stack(sc.product).String()
	s, err := state.Parse(raw)
	if err != nil {
		return nil, fault.New(fault.Refused, op, err, "")
	}
	known := p.lease.Head().Stacks[p.stack(sc.product).String()] // zero: the ledger knows none
	serial, lineage := known.Serial, known.Lineage
	if current == nil || sc.verb == verbRestore {
		serial = max(serial, s.Serial)
	}
	var before []state.Problem
	if current != nil {
		serial, before = max(serial, current.Serial), state.Check(current.Raw)
		if lineage == "" { // else the ledger's counts: the state that is there may be a foreign one
			lineage = current.Lineage
		}
		// The same under a serial that the ledger has seen before is a change: it
		// is how somebody agrees to an older state.
		if state.Same(current.Raw, raw) && current.Serial >= known.Serial {
			return nil, fault.New(fault.Refused, op, errors.New("the state would stay as it is: nothing was changed"), "")
		}
	}
	if lineage != "" && s.Lineage != lineage {
		return nil, fault.New(fault.Refused, op, fmt.Errorf("it is another state: its lineage is %s, the stack's is %s", s.Lineage, lineage),
			fmt.Sprintf("infra state history %s --product %s", p.Env.Name(), sc.product))
	}
	if problems := hard(state.Added(before, state.Check(raw))); len(problems) > 0 {
		return nil, fault.New(fault.Refused, op, errors.New("the new state is not sound:\n  "+problemLines(problems)), "")
	}
	return state.Bump(raw, serial+1), nil
}

// tryState plans with both states.
func (p *Platform) tryState(ctx context.Context, sc stateChange, c *candidate, current *state.State, raw []byte) (StateChange, error) {
	s := p.stack(sc.product)
	now, err := state.Parse(raw)
	if err != nil {
		return StateChange{}, fault.New(fault.Failed, "read the new state of "+s.String(), err, "")
	}
	if err := c.set(raw); err != nil {
		return StateChange{}, fault.New(fault.Failed, "write the new state of "+s.String(), err, "df -h "+c.dir)
	}
	change := StateChange{Stack: s, Verb: sc.verb, Differences: state.Diff(current, now, false), Known: current != nil, To: now.Serial}
	if current != nil {
		change.From = current.Serial
	}
	p.con.Step("%s: planning with the state as it is and as it would be", s)
	change.Before, change.After, err = c.plans(ctx, change.Known)
	p.con.Live("")
	if err != nil {
		return change, err
	}
	change.Explanation = sc.explain(change)
	return change, nil
}

// putState writes the new state under Terraform's lock, over exactly the one
// that was read.
func (p *Platform) putState(ctx context.Context, sc stateChange, raw []byte, current *state.State) (now *state.State, err error) {
	if ctx.Err() != nil {
		return nil, fault.New(fault.Interrupted, "state "+sc.verb, errors.New("interrupted; the state was not changed"), "")
	}
	if err := p.begun(ctx); err != nil {
		return nil, err
	}
	key := p.stack(sc.product).StateKey()
	unlock, err := p.lockState(ctx, key, sc)
	if err != nil {
		return nil, err
	}
	// From here on the write is carried through: half a replacement helps nobody.
	ctx = context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, unlock(ctx)) }()
	note := p.stackRecord(sc.product)
	if current != nil && current.Lineage != "" {
		note.Before = version(current)
	}
	if now, err = p.bucket.Write(ctx, key, raw, current); err != nil {
		return nil, err
	}
	note.After, note.Result = version(now), string(run.Done)
	p.con.Step("%s: the state has serial %d now", p.stack(sc.product), now.Serial)
	return now, nil
}

// lockState takes Terraform's lock, waiting for others as long as --lock-timeout
// says.
func (p *Platform) lockState(ctx context.Context, key string, sc stateChange) (func(context.Context) error, error) {
	until := time.Now().Add(sc.wait.Timeout)
	for {
		unlock, err := p.bucket.Lock(ctx, key, "infra state "+sc.verb, p.Run.ID)
		if err == nil || fault.CodeOf(err) != fault.Locked || time.Now().After(until) {
			return unlock, err
		}
		p.con.Live("waiting for the lock of %s", key)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func hard(problems []state.Problem) []state.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p state.Problem) bool { return p.Warning })
}

func problemLines(problems []state.Problem) string {
	lines := make([]string, 0, len(problems))
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n  ")
}
