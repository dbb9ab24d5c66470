package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/progress"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
	"infra/internal/trace"
)

// Approve is asked before anything changes; an error means no.
type Approve func(plans *Plans) error

// StackResult is what was done to one stack.
type StackResult struct {
	Stack   stack.Stack
	Applied int // resources
	Took    time.Duration
}

// Apply brings every selected stack to what the code says, in waves. What
// was planned and approved is applied from its plan file; a stack whose
// inputs changed meanwhile is planned and approved again. The lease is held.
func (p *Platform) Apply(ctx context.Context, sel Selection, approve Approve) ([]StackResult, error) {
	plans, err := p.Plan(ctx, sel)
	if err != nil {
		return nil, err
	}
	if p.Rollout == "" { // one list is for all environments of a roll-out, and not each has everything of it
		if err := unmatched(plans); err != nil {
			return nil, err
		}
	}
	return p.carryOut(ctx, plans, approve)
}

// carryOut asks, and then applies the plans in their order.
func (p *Platform) carryOut(ctx context.Context, plans *Plans, approve Approve) ([]StackResult, error) {
	if !plans.Empty() {
		if err := p.asked(ctx, plans, approve); err != nil {
			return nil, err
		}
	}
	var results []StackResult
	changed := map[string]bool{}
	for _, s := range plans.Stacks {
		if err := p.planAgain(ctx, plans, s, changed, approve); err != nil {
			return results, err
		}
		result, err := p.applyStack(ctx, s)
		results = append(results, result)
		if err != nil {
			return results, err
		}
		changed[s.Stack.Product] = !s.Empty()
	}
	return results, nil
}

// EnsureBucket makes the state bucket when it is missing: without it there is
// nothing to hold a lease in. So it does with the bucket of second copies, to
// which hosts will want to write.
func (p *Platform) EnsureBucket(ctx context.Context) error {
	for name, bucket := range map[string]*state.Bucket{"state bucket": p.bucket, "second copy": p.second} {
		if bucket == nil {
			continue
		}
		exists, err := bucket.Exists(ctx)
		if err != nil {
			return err
		}
		if exists {
			continue
		}
		did, err := bucket.Bootstrap(ctx)
		for _, line := range did {
			p.con.Step("%s: %s", name, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unmatched refuses permissions to destroy that fit nothing: a misspelt
// address must not look like a permission given.
func unmatched(plans *Plans) error {
	if extra := guard.Unmatched(plans.Changes(), plans.selection.AllowDestroy); len(extra) > 0 {
		return fault.New(fault.Usage, "check --allow-destroy", fmt.Errorf("%q matches nothing that would be destroyed", extra), "infra plan")
	}
	return nil
}

// planAgain plans a stack that was deferred, or whose inputs are not those
// that it was planned with, and asks again when there is something new to ask.
func (p *Platform) planAgain(ctx context.Context, plans *Plans, s *StackPlan, changed map[string]bool, approve Approve) error {
	if s.Deferred == "" && !mayBeStale(s, changed) {
		return nil
	}
	states, err := p.read(ctx)
	if err != nil {
		return err
	}
	if s.Deferred == "" && inputs(s.Stack, states) == s.Inputs {
		return nil
	}
	if plans.Bundle != "" && s.Deferred == "" {
		return fault.New(fault.Refused, "apply the approved plan of "+s.Stack.String(),
			errors.New("the outputs that it reads are no longer those that it was planned with"), "infra plan "+p.Env.Name()+" --out FILE, approve that, then infra apply "+p.Env.Name()+" --plan FILE")
	}
	s.against(states)
	wasDeferred, before := s.Deferred != "", fmt.Sprint(s.Changes)
	if s.Deferred = p.waitsFor(s.Stack, states); s.Deferred != "" && !plans.destroy {
		return errNothing(s) // what it needs was not selected
	}
	s.Deferred = ""
	if err := p.planStack(ctx, s, plans.selection, plans.destroy); err != nil {
		return err
	}
	one := &Plans{Stacks: []*StackPlan{s}, selection: plans.selection, destroy: plans.destroy, inUse: plans.inUse}
	if !plans.destroy {
		if err := p.guardPlans(ctx, one); err != nil {
			return err
		}
	}
	if s.Empty() || (!wasDeferred && fmt.Sprint(s.Changes) == before) {
		return nil
	}
	return p.asked(ctx, one, approve)
}

// mayBeStale tells whether a stack that s reads from has changed in this run.
func mayBeStale(s *StackPlan, changed map[string]bool) bool {
	return slices.ContainsFunc(stack.Products()[s.Stack.Product], func(need string) bool { return changed[need] })
}

func (p *Platform) applyStack(ctx context.Context, s *StackPlan) (result StackResult, err error) {
	result.Stack = s.Stack
	if s.Deferred != "" {
		return result, errNothing(s)
	}
	if s.Empty() || s.File == "" {
		return result, nil
	}
	if err := p.fresh(ctx, s); err != nil {
		return result, err
	}
	if err := p.begun(ctx); err != nil {
		return result, err
	}
	ctx, end := trace.Start(ctx, "apply", "infra.stack", s.Stack.String())
	defer end(&err)
	started := time.Now()
	p.con.Step("%s: applying", s.Stack)
	ended := p.step(ctx, s.Stack, progress.Applying, "applying")
	result.Applied, err = s.workspace.Apply(ctx, s.File)
	ended(err)
	result.Took = time.Since(started)
	noted := p.stackRecord(s.Stack.Product)
	noted.Plan, noted.Applied, noted.Result = s.SHA256, noted.Applied+result.Applied, string(outcome(err))
	p.applied = p.applied || result.Applied > 0
	if err != nil {
		return result, err
	}
	p.con.Step("%s: %s applied in %s", s.Stack, console.Count(result.Applied, "resource"), console.Elapsed(result.Took))
	return result, nil
}

// fresh refuses to apply a plan to another state than it was made from.
// Terraform compares serials; an edit by hand that kept the serial would be
// overwritten.
func (p *Platform) fresh(ctx context.Context, s *StackPlan) error {
	now, err := p.State(ctx, s.Stack.Product)
	if err != nil && !errors.Is(err, state.ErrAbsent) {
		return err
	}
	if now != nil && now.Resources == 0 && len(now.Outputs) == 0 {
		now = nil
	}
	facts, err := standing(s.Stack, s.File, s.SHA256, s.base, now)
	if err != nil {
		return err
	}
	return guard.Fresh(facts)
}

// Destroy ends every selected stack, what needs others first. approve is
// the place for the environment's typed name.
func (p *Platform) Destroy(ctx context.Context, sel Selection, approve Approve) ([]StackResult, error) {
	plans, err := p.PlanDestroy(ctx, sel)
	if err != nil {
		return nil, err
	}
	if plans.Empty() {
		return nil, nil
	}
	if err := p.keepDependents(ctx, plans); err != nil {
		return nil, err
	}
	if err := p.asked(ctx, plans, approve); err != nil {
		return nil, err
	}
	var results []StackResult
	for _, s := range plans.Stacks {
		result, err := p.applyStack(ctx, s)
		results = append(results, result)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// keepDependents refuses to destroy a stack while another one, not selected,
// still reads its outputs.
func (p *Platform) keepDependents(ctx context.Context, plans *Plans) error {
	states, err := p.read(ctx)
	if err != nil {
		return err
	}
	going := map[string]bool{}
	for _, s := range plans.Stacks {
		going[s.Stack.Product] = true
	}
	for product := range going {
		for _, dependent := range stack.Products().Dependents(product) {
			if states[dependent] != nil && !going[dependent] {
				return fault.New(fault.Refused, "destroy "+p.stack(product).String(),
					errors.New(p.stack(dependent).String()+" still reads its outputs"),
					fmt.Sprintf("infra destroy %s --product %s", p.Env.Name(), dependent))
			}
		}
	}
	return nil
}

// Validate lets Terraform check a product's code without any state.
func (p *Platform) Validate(ctx context.Context, product string) error {
	binary, cliConfig, err := p.tools(ctx)
	if err != nil {
		return err
	}
	w, err := p.workspace(ctx, p.stack(product), binary, cliConfig, 0, func(terraform.Progress) {})
	if err != nil {
		return err
	}
	return w.Validate(ctx)
}
