package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/inventory"
	"infra/internal/progress"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
	"infra/internal/trace"
)

// Selection is what a command works on and how.
type Selection struct {
	Products     []string // empty: all
	Layers       []string // empty: all
	Parallelism  int      // of each Terraform; 0: its own
	RefreshOnly  bool
	Replace      []string // addresses that are made anew whatever the code says
	AllowDestroy []string // addresses of stateful resources that may go
	Wait         run.Wait // for whoever holds the environment
}

// Check refuses a selection that names nothing, without asking anybody.
func (s Selection) Check() error {
	products, err := stack.Select(s.Products)
	if err != nil {
		return err
	}
	_, err = stack.Targets(products, s.Layers)
	return err
}

// StackPlan is what would happen to one stack.
type StackPlan struct {
	Stack    stack.Stack
	Deferred string // why it could not be planned yet; empty: it was
	terraform.Plan
	Inputs string // SHA-256 of the outputs that it reads of other stacks

	workspace *terraform.Workspace
	targets   []string
	base      *guard.Version // the state that was planned against; nil: there was none
	whole     bool           // that state has the hosts: no layer was left out since the first apply
}

// Plans is what would happen to an environment, stacks in order.
type Plans struct {
	Stacks []*StackPlan
	Bundle string // where they were kept since they were approved; empty: just made

	selection Selection
	destroy   bool
	inUse     []string // colours of EMR clusters that somebody uses
}

// Empty tells whether nothing at all would change.
func (ps *Plans) Empty() bool {
	return !slices.ContainsFunc(ps.Stacks, func(s *StackPlan) bool { return s.Deferred != "" || !s.Empty() })
}

// RefreshOnly tells whether only the state was to be compared with what
// exists.
func (ps *Plans) RefreshOnly() bool { return ps.selection.RefreshOnly }

// Changes are those of all stacks.
func (ps *Plans) Changes() []guard.Change {
	var all []guard.Change
	for _, s := range ps.Stacks {
		all = append(all, s.Changes...)
	}
	return all
}

// Plan plans every selected stack. Stacks go side by side as far as memory
// allows; one that reads the outputs of a stack never applied is deferred.
func (p *Platform) Plan(ctx context.Context, sel Selection) (*Plans, error) {
	return p.plan(ctx, sel, false)
}

// PlanDestroy plans the end of every selected stack.
func (p *Platform) PlanDestroy(ctx context.Context, sel Selection) (*Plans, error) {
	return p.plan(ctx, sel, true)
}

func (p *Platform) plan(ctx context.Context, sel Selection, destroy bool) (*Plans, error) {
	plans, err := p.prepare(ctx, sel, destroy)
	if err != nil {
		return nil, err
	}
	states, err := p.known(ctx, sel.Wait)
	if err != nil {
		return nil, err
	}
	if states == nil {
		p.con.Step("there is no state bucket yet: `infra bootstrap %s` or `infra apply %s` makes it", p.Env.Name(), p.Env.Name())
	}
	self := run.NewHolder(p.Run, "plan", p.Caller.ARN, p.Code.Commit)
	group, planning := errgroup.WithContext(ctx)
	group.SetLimit(SideBySide())
	for _, s := range plans.Stacks {
		if destroy && states[s.Stack.Product] == nil {
			continue // nothing was ever made
		}
		s.against(states)
		if err := p.partial(s); err != nil && !destroy {
			return nil, err
		}
		if s.Deferred = p.waitsFor(s.Stack, states); s.Deferred != "" && !destroy {
			continue
		}
		group.Go(func() error { return p.planStack(planning, s, sel, destroy) })
	}
	if err := group.Wait(); err != nil {
		if p.lease == nil { // with one, the end of the run does it
			p.dropOwnLocks(context.WithoutCancel(ctx), self, err)
		}
		return nil, err
	}
	if destroy {
		return plans, nil
	}
	return plans, p.guardPlans(ctx, plans)
}

// against notes which states a plan is made from.
func (s *StackPlan) against(states map[string]*state.State) {
	s.Inputs, s.base, s.whole = inputs(s.Stack, states), nil, false
	if own := states[s.Stack.Product]; own != nil {
		s.base = (*guard.Version)(version(own))
		read, err := inventory.Read(own.Values())
		s.whole = err == nil && read.Known
	}
}

// partial refuses some layers of a platform that was never applied whole: what
// they stand on would be made as far as Terraform needs it, without the
// bastion, and there would be no way to the hosts.
func (p *Platform) partial(s *StackPlan) error {
	if len(s.targets) == 0 || s.whole || s.Stack.Product != platformProduct {
		return nil
	}
	return fault.New(fault.Refused, "plan some layers of "+s.Stack.String(),
		errors.New("it was never applied whole, and only then is there a way to the hosts that are to be configured"), "infra apply "+p.Env.Name())
}

// prepare selects the stacks and makes a workspace for each.
func (p *Platform) prepare(ctx context.Context, sel Selection, destroy bool) (*Plans, error) {
	products, err := stack.Select(sel.Products)
	if err != nil {
		return nil, err
	}
	targets, err := stack.Targets(products, sel.Layers)
	if err != nil {
		return nil, err
	}
	order := stack.Order
	if destroy {
		order = stack.DestroyOrder
	}
	stacks, err := order(p.Env.Name(), products)
	if err != nil {
		return nil, err
	}
	binary, cliConfig, err := p.tools(ctx)
	if err != nil {
		return nil, err
	}
	inUse, err := p.takeColours(ctx)
	if err != nil {
		return nil, err
	}
	plans := &Plans{selection: sel, destroy: destroy, inUse: inUse}
	for _, s := range stacks {
		if len(sel.Layers) > 0 && len(targets[s.Product]) == 0 {
			continue
		}
		w, err := p.workspace(ctx, s, binary, cliConfig, sel.Parallelism, p.watch(s.String()))
		if err != nil {
			return nil, err
		}
		plans.Stacks = append(plans.Stacks, &StackPlan{Stack: s, workspace: w, targets: targets[s.Product]})
	}
	return plans, nil
}

// waitsFor says why s cannot be planned yet; empty when it can.
func (p *Platform) waitsFor(s stack.Stack, states map[string]*state.State) string {
	if states == nil {
		return "there is no state bucket yet"
	}
	for _, need := range stack.Products()[s.Product] {
		if states[need] == nil {
			return "it reads the outputs of " + p.stack(need).String() + ", which was never applied"
		}
	}
	return ""
}

func (p *Platform) planStack(ctx context.Context, s *StackPlan, sel Selection, destroy bool) (err error) {
	if s.Deferred != "" {
		return nil
	}
	p.con.Detail("planning %s", s.Stack)
	ended := p.step(ctx, s.Stack, progress.Planning, "planning")
	defer func() { ended(err) }()
	if err := s.init(ctx); err != nil {
		return err
	}
	ctx, end := trace.Start(ctx, "plan", "infra.stack", s.Stack.String())
	defer end(&err)
	plan, err := s.workspace.Plan(ctx, terraform.PlanOptions{
		Out: p.Run.File(s.Stack.Product + ".tfplan"), Targets: s.targets, Replace: sel.Replace, Destroy: destroy, RefreshOnly: sel.RefreshOnly,
	})
	if err != nil {
		return err
	}
	s.Plan = plan
	p.tellPlan(s)
	p.con.Step("%s: %s", s.Stack, s.Summary())
	for _, warning := range plan.Warnings {
		p.con.Detail("%s: %s", s.Stack, warning)
		p.tell(progress.Event{Kind: progress.Warning, Stack: s.Stack.String(), Message: warning})
	}
	return nil
}

// init makes the stack's folder ready for Terraform.
func (s *StackPlan) init(ctx context.Context) (err error) {
	ctx, end := trace.Start(ctx, "init", "infra.stack", s.Stack.String())
	defer end(&err)
	return s.workspace.Init(ctx)
}

// guardPlans refuses plans that nobody may carry out as they are.
func (p *Platform) guardPlans(ctx context.Context, plans *Plans) error {
	if err := p.guardClusters(plans); err != nil {
		return err
	}
	return p.guardDestroys(ctx, plans)
}

// guardDestroys refuses plans that would take away what holds data.
func (p *Platform) guardDestroys(ctx context.Context, plans *Plans) (err error) {
	_, end := trace.Start(ctx, "destroy guard")
	defer end(&err)
	return guard.Destroys(guard.Idle(plans.Changes(), plans.inUse...), plans.selection.AllowDestroy)
}

// Summary counts a plan's changes in a line.
func (s *StackPlan) Summary() string {
	if s.Deferred != "" {
		return "deferred: " + s.Deferred
	}
	if s.Empty() {
		return "no changes"
	}
	counts := map[guard.Action]int{}
	for _, c := range s.Changes {
		counts[c.Action]++
	}
	var parts []string
	for _, action := range []guard.Action{guard.Create, guard.Update, guard.Replace, guard.Delete, guard.Move, guard.Import, guard.Forget} {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, action))
		}
	}
	if len(parts) == 0 {
		return "only outputs change"
	}
	return strings.Join(parts, ", ")
}

// errNothing says that a plan that was asked for cannot be had.
func errNothing(s *StackPlan) error {
	return fault.New(fault.Failed, "plan "+s.Stack.String(), errors.New(s.Deferred), "infra apply "+s.Stack.Environment)
}
