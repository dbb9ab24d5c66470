package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/progress"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/supervise"
	"infra/internal/terraform"
	"infra/internal/trace"
)

// Change runs work while the environment's lease is held: no other run can
// begin from before the first `terraform init` to after the last playbook.
// The context that work gets ends when the lease is lost. What work did is in
// the ledger before Change returns.
func (p *Platform) Change(ctx context.Context, verb string, wait run.Wait, work func(context.Context) error) (err error) {
	ctx, err = p.hold(ctx, verb, wait)
	if err != nil {
		return err
	}
	defer p.letGo(ctx, &err)
	return work(ctx)
}

// hold takes the lease and starts the run's record. The context that it gives
// is the run's: it ends with the caller's, and when the lease is lost.
func (p *Platform) hold(ctx context.Context, verb string, wait run.Wait) (_ context.Context, err error) {
	_, end := trace.Start(ctx, "lease", "infra.run", p.Run.ID, "infra.verb", verb)
	defer end(&err)
	p.holder = run.NewHolder(p.Run, verb, p.Caller.ARN, p.Code.Commit)
	p.holder.Rollout = p.Rollout
	p.record = run.NewRecord(p.holder, p.Env.Name())
	p.record.Dirty = len(p.Code.Dirty) > 0
	p.record.Tools = map[string]string{"terraform": terraform.Version}
	p.tell(progress.Event{Kind: progress.RunBegan, Run: p.Run.ID, Verb: verb, Environment: p.Env.Name()})
	// Two things that take two requests each, side by side.
	probed := make(chan error, 1)
	go func() { probed <- p.probe(ctx) }()
	lease, err := p.runs.Acquire(ctx, p.holder, p.waiting(wait))
	probeErr := <-probed
	if err != nil {
		p.tell(progress.Event{Kind: progress.RunEnded, Result: string(outcome(err)), Message: err.Error()})
		return ctx, err
	}
	p.lease = lease
	if err = probeErr; err == nil {
		err = p.secure(ctx)
	}
	if err != nil {
		p.letGo(ctx, &err)
		return ctx, err
	}
	return p.lease.Context(), nil
}

// waiting tells, once for each holder, who is waited for.
func (p *Platform) waiting(wait run.Wait) run.Wait {
	told := ""
	wait.Waiting = func(held run.Held) {
		if held.Run != told {
			told = held.Run
			p.con.Step("%s is held by %s: waiting up to %s", p.Env.Name(), held, console.Elapsed(wait.Timeout))
		}
	}
	return wait
}

// secure puts right what would hurt in the middle of a run: a clock that is
// off, and locks of Terraform that a dead run has left.
func (p *Platform) secure(ctx context.Context) error {
	if err := p.inherit(ctx); err != nil {
		return err
	}
	warning, err := guard.Clock(p.lease.Skew())
	if err != nil {
		return err
	}
	if warning != "" {
		p.Warn("%s", warning)
	}
	if err := p.lease.WriteFile(p.Run.Dir, p.target); err != nil {
		return fault.New(fault.Failed, "write down the lease for the programs that infra starts", err, "")
	}
	return nil
}

// probe finds out whether Terraform's locks could be taken but not be given
// back, before it takes one.
func (p *Platform) probe(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, product := range stack.Products().Names() {
		group.Go(func() error { return p.bucket.Probe(ctx, p.stack(product).StateKey()) })
	}
	return group.Wait()
}

// begun is called before every step that changes something. It makes sure that
// the lease is still held, and the first time it writes down that from here on
// things change: until the run's end is written too, its outcome is unknown.
func (p *Platform) begun(ctx context.Context) error {
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "change "+p.Env.Name(), errors.New("interrupted before it began"), "")
	}
	if err := p.lease.Sure(ctx); err != nil || p.opened {
		return err
	}
	_, end := trace.Start(ctx, "ledger")
	err := p.lease.Open(ctx, p.record)
	end(&err)
	p.opened = err == nil
	return err
}

// endLimit bounds how long the end of a run may take to be written down.
const endLimit = 2 * time.Minute

// letGo ends a run: the ledger gets its result, the lease is given back, and
// files with secrets are removed. result is what the run ended with; what goes
// wrong here is added to it.
func (p *Platform) letGo(ctx context.Context, result *error) {
	lost := errors.Is(context.Cause(ctx), run.ErrLost)
	ctx, end := trace.Start(context.WithoutCancel(ctx), "ledger")
	defer end(nil) // the result is that of the whole
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	defer func() {
		p.tell(progress.Event{Kind: progress.RunEnded, Result: string(outcome(*result)), Message: message(*result)})
		p.keepJournal(ctx)
		if err := p.Run.Tidy(); err != nil {
			p.con.Warn("tidy the run's directory: %v", err)
		}
	}()
	p.record.Ended = time.Now().UTC()
	p.record.Result, p.record.HardCancel = outcome(*result), supervise.CancelledHard(run.Children(p.Run.Dir))
	p.dropOwnLocks(ctx, p.holder, *result)
	if *result != nil {
		p.record.Error = p.con.Masked((*result).Error())
	}
	if lost {
		// The environment is another run's now: only this run's own record may
		// still be written.
		p.record.Result = run.Unknown
		*result = fault.New(fault.Locked, "keep the lease of "+p.Env.Name(), errors.Join(context.Cause(p.lease.Context()), *result), "infra runs "+p.Env.Name())
	} else if err := p.recordStates(ctx); err != nil {
		*result = errors.Join(*result, err)
	}
	if !lost {
		p.preserve(ctx)
	}
	if err := p.lease.Close(ctx, p.record); err != nil {
		*result = errors.Join(*result, fault.New(fault.Failed, "write the end of run "+p.Run.ID, err, "infra recover "+p.Env.Name()))
		p.lease.Abandon()
		return
	}
	if err := p.lease.Release(ctx); err != nil && !lost {
		p.Warn("give back the lease of %s: %v; the next run takes it over", p.Env.Name(), err)
	}
}

// message is an error's text; empty without one.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// outcome is the word for how a run ended.
func outcome(err error) run.Result {
	if errors.Is(err, terraform.ErrUnknown) {
		return run.Unknown
	}
	switch fault.CodeOf(err) {
	case fault.OK:
		return run.Done
	case fault.Interrupted:
		return run.Interrupted
	case fault.Refused, fault.Usage:
		return run.Refused
	case fault.StateNotSaved:
		return run.StateNotSaved
	default:
		return run.Failed
	}
}

// recordStates notes which state every stack has now, as the next run must
// find it.
func (p *Platform) recordStates(ctx context.Context) error {
	if !p.opened {
		return nil
	}
	_, found, err := p.look(ctx)
	if err != nil {
		return fault.New(fault.Failed, "read the states for the ledger", err, "infra recover "+p.Env.Name())
	}
	for _, product := range stack.Products().Names() {
		if f := found[product]; f.Lineage != "" { // an empty one, after a destroy, counts too
			p.stackRecord(product).After = (*run.Version)(&f.Version)
		}
	}
	return nil
}

// Record is what this run has written down so far; false when it holds, and
// held, no lease.
func (p *Platform) Record() (run.Record, bool) {
	if p.record == nil {
		return run.Record{}, false
	}
	return *p.record, true
}

// stackRecord is the place of a stack in the run's record.
func (p *Platform) stackRecord(product string) *run.StackRecord {
	name := p.stack(product).String()
	for i := range p.record.Stacks {
		if p.record.Stacks[i].Stack == name {
			return &p.record.Stacks[i]
		}
	}
	p.record.Stacks = append(p.record.Stacks, run.StackRecord{Stack: name})
	return &p.record.Stacks[len(p.record.Stacks)-1]
}

// recordHosts notes what became of every host that the playbook was for.
func (p *Platform) recordHosts(result ansible.Result, expected map[string]string) {
	if p.record == nil {
		return // it was only looked at
	}
	unknown := map[string]bool{}
	for _, id := range result.Unknown {
		unknown[id] = true
	}
	for id, name := range expected {
		recap, reached := result.Recaps[id]
		word := "ok"
		switch {
		case unknown[id]:
			word = "unknown"
		case !reached:
			word = "not reached"
		case recap.Unreachable > 0:
			word = "unreachable"
		case recap.Failed > 0:
			word = "failed"
		case recap.Changed > 0:
			word = fmt.Sprintf("%d changed", recap.Changed)
		}
		p.record.Hosts = append(p.record.Hosts, run.HostRecord{ID: id, Name: name, Result: word})
	}
}
