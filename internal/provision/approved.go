package provision

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sync/errgroup"

	"infra/internal/bundle"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/run"
)

// ApplyApproved plans the environment again and applies that, where it would do
// exactly what the plans of a bundle would. Whoever may plan for a pipeline can
// put a bundle into S3, and in the ledger's name, so that what is in it is
// compared and never carried out; nor is its permission to destroy taken, but
// that of sel. Nothing is changed where the hosts could not be configured
// afterwards. The lease is held.
func (p *Platform) ApplyApproved(ctx context.Context, from string, sel Selection, approve Approve) ([]StackResult, error) {
	dir := p.Run.File(run.Approved)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fault.New(fault.Failed, "make room for the approved plans", err, "df -h "+p.Run.Dir)
	}
	kept, err := p.approved(ctx, from, dir, sel.Wait, false)
	if err != nil {
		return nil, err
	}
	plans, err := p.Plan(ctx, sel)
	if err != nil {
		return nil, err
	}
	if err := p.compare(ctx, plans, kept); err != nil {
		return nil, err
	}
	if err := p.identified(ctx, plans); err != nil {
		return nil, err
	}
	plans.Bundle = from
	return p.carryOut(ctx, plans, approve)
}

// compare refuses plans that would not do what those of a bundle would.
func (p *Platform) compare(ctx context.Context, plans *Plans, kept bundle.Bundle) error {
	p.con.Step("%s: comparing with what was approved", p.Env.Name())
	stacks := make([]guard.Approval, len(plans.Stacks))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(SideBySide())
	for i, s := range plans.Stacks {
		a := &stacks[i]
		a.Stack, a.Fresh.Unplanned, a.Approved.Unplanned = s.Stack.String(), s.Deferred, "the bundle has none"
		for _, one := range kept.Stacks {
			if one.Product == s.Stack.Product {
				a.Approved.Unplanned = one.Deferred
			}
		}
		group.Go(func() error { return s.intents(reading, a, kept.Plan(s.Stack.Product)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return guard.Approved(stacks)
}

// intents reads what a stack's new plan and its approved one would do. A stack
// of which both say nothing costs no start of Terraform.
func (s *StackPlan) intents(ctx context.Context, a *guard.Approval, approved string) (err error) {
	if s.Deferred != "" {
		return nil
	}
	if s.File != "" {
		if a.Fresh.Effects, err = s.workspace.Effects(ctx, s.File); err != nil {
			return err
		}
	}
	if approved == "" {
		return nil
	}
	a.Approved.Effects, err = s.workspace.Effects(ctx, approved)
	if err != nil && fault.CodeOf(err) != fault.Interrupted {
		return fault.New(fault.Refused, "read the approved plan of "+s.Stack.String(), errors.New("it is none that Terraform takes for a plan of this stack"), "")
	}
	return err
}
