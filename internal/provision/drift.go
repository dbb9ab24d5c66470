package provision

import (
	"context"
	"encoding/json"
	"errors"

	"golang.org/x/sync/errgroup"

	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/progress"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
	"infra/internal/trace"
)

// DriftOptions say how much is looked at.
type DriftOptions struct {
	SkipHosts   bool // do not log in to the hosts
	Parallelism int  // of each Terraform; 0: its own
	Wait        run.Wait
}

// Drift finds what differs between the environment and its code, by reading
// alone: it takes no lease and no lock, and writes no state, no ledger and no
// host key. What was found is returned with an error too, that of the hosts: a
// host out of reach hides nothing of what AWS has said.
func (p *Platform) Drift(ctx context.Context, o DriftOptions) ([]drift.Finding, error) {
	p.looking = true
	ignore, err := drift.ParseIgnore(p.Env.Settings().Drift.Ignore)
	if err != nil {
		return nil, fault.New(fault.Usage, "read drift.ignore of "+p.Env.Name(), err, "infra validate "+p.Env.Name())
	}
	states, err := p.known(ctx, o.Wait)
	if err != nil {
		return nil, err
	}
	var found []drift.Finding
	plans, err := p.driftPlans(ctx, states, o)
	if err != nil {
		return nil, err
	}
	for _, plan := range plans {
		found = append(found, plan.Judge(ignore)...)
	}
	machines, err := p.machines(ctx, states)
	if err != nil {
		return nil, err
	}
	managed := managedBy(states)
	found = append(found, drift.Machines(machines, managed, ignore)...)
	images, err := p.oldImages(ctx, machines, managed, ignore)
	if err != nil {
		return nil, err
	}
	found = append(found, images...)
	if o.SkipHosts || states[platformProduct] == nil {
		return found, p.unchanged(ctx, states)
	}
	changes, hosts := p.checkHosts(ctx, states[platformProduct])
	found = append(found, drift.Hosts(changes, ignore)...)
	if err := p.unchanged(ctx, states); err != nil {
		return nil, err
	}
	return found, hosts
}

// unchanged makes sure that all that was compared belongs together: nobody is
// kept out while it is read.
func (p *Platform) unchanged(ctx context.Context, states map[string]*state.State) error {
	now, err := p.read(ctx)
	if err != nil {
		return err
	}
	for _, product := range stack.Products().Names() {
		before, after := states[product], now[product]
		if (before == nil) != (after == nil) || before != nil && *version(before) != *version(after) {
			return fault.New(fault.Locked, "look for drift in "+p.Env.Name(),
				errors.New("somebody changed the state of "+p.stack(product).String()+" meanwhile, so that what was found may be half of it"), "infra drift "+p.Env.Name())
		}
	}
	return nil
}

// driftPlans lets Terraform compare every stack, without its lock.
func (p *Platform) driftPlans(ctx context.Context, states map[string]*state.State, o DriftOptions) ([]drift.Plan, error) {
	prepared, err := p.prepare(ctx, Selection{Parallelism: o.Parallelism}, false)
	if err != nil {
		return nil, err
	}
	plans := make([]drift.Plan, len(prepared.Stacks))
	group, planning := errgroup.WithContext(ctx)
	group.SetLimit(SideBySide())
	for i, s := range prepared.Stacks {
		plans[i].Stack = s.Stack.String()
		own := states[s.Stack.Product]
		if own == nil {
			plans[i].Never = "it was never applied"
			continue
		}
		plans[i].Managed = managedIn(own)
		group.Go(func() error { return p.driftPlan(planning, s, &plans[i]) })
	}
	return plans, group.Wait()
}

// driftPlan compares one stack. One plan tells both what is not as the state
// says and what the code wants: Terraform starts once, and a second time only
// where there are values to be read.
func (p *Platform) driftPlan(ctx context.Context, s *StackPlan, found *drift.Plan) (err error) {
	p.con.Detail("comparing %s", s.Stack)
	ended := p.step(ctx, s.Stack, progress.Comparing, "comparing")
	defer func() { ended(err) }()
	if err := s.init(ctx); err != nil {
		return err
	}
	ctx, end := trace.Start(ctx, "plan", "infra.stack", s.Stack.String())
	defer end(&err)
	file := p.Run.File(s.Stack.Product + ".tfplan")
	plan, err := s.workspace.Plan(ctx, terraform.PlanOptions{Out: file, Unlocked: true})
	if err != nil {
		return err
	}
	var details terraform.Details
	if plan.Detailed() {
		if details, err = s.workspace.Explain(ctx, file); err != nil {
			return err
		}
	}
	found.Outputs = plan.Outputs
	found.Outside = driftChanges(plan.Drift, details.Outside)
	found.Planned = driftChanges(plan.Changes, details.Planned)
	return nil
}

func driftChanges(changes []guard.Change, details map[string][]drift.Attribute) []drift.Change {
	var found []drift.Change
	for _, c := range changes {
		found = append(found, drift.Change{Address: c.Address, Type: c.Type, Action: string(c.Action), Reason: c.Reason, Attributes: details[c.Address]})
	}
	return found
}

// managedIn are the resources of a state, with what they are parts of.
func managedIn(s *state.State) []drift.Managed {
	var all []drift.Managed
	for _, i := range s.Instances() {
		if i.Mode != "managed" {
			continue
		}
		// Attributes of another type than text are of resources that are a part of
		// nothing: what could be decoded counts.
		var a struct {
			ARN      string `json:"arn"`
			Bucket   string `json:"bucket"`
			Key      string `json:"key_id"`
			Address  string `json:"allocation_id"`
			Group    string `json:"security_group_id"`
			Role     string `json:"role"`
			Table    string `json:"route_table_id"`
			Instance string `json:"instance_id"`
			Endpoint string `json:"vpc_endpoint_id"`
			Machine  string `json:"instance"` // of an address
			Port     string `json:"network_interface_id"`
			Primary  string `json:"primary_network_interface_id"` // of an instance
			Cluster  []struct {
				Primary string `json:"emr_managed_master_security_group"`
				Core    string `json:"emr_managed_slave_security_group"`
				Service string `json:"service_access_security_group"`
			} `json:"ec2_attributes"`
		}
		_ = json.Unmarshal(i.Attributes, &a)
		m := drift.Managed{Address: i.Address, Type: i.Type}
		for _, name := range []string{i.ID, a.ARN, a.Primary} {
			if name != "" {
				m.Names = append(m.Names, name)
			}
		}
		for _, name := range []string{a.Bucket, a.Key, a.Address, a.Group, a.Role, a.Table, a.Instance, a.Endpoint, a.Machine, a.Port, a.ARN} {
			if name != "" && (name != a.ARN || i.Type == "aws_sns_topic_policy") { // whose attribute arn is the topic's
				m.Of = append(m.Of, name)
			}
		}
		for _, groups := range a.Cluster {
			m.Of = append(m.Of, groups.Primary, groups.Core, groups.Service)
		}
		all = append(all, m)
	}
	return all
}
