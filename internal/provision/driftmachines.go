package provision

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/console"
	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/python"
	"infra/internal/ssh"
	"infra/internal/state"
)

// machines are the instances of the environment: those in its network, and
// those that carry its tags wherever they are.
func (p *Platform) machines(ctx context.Context, states map[string]*state.State) ([]drift.Machine, error) {
	client := ec2.NewFromConfig(p.aws)
	op := "look for instances that nobody manages in " + p.Env.Name()
	found := map[string]*drift.Machine{}
	var order []string
	add := func(all []types.Instance, mark func(*drift.Machine)) {
		for _, i := range all {
			if i.State.Name == types.InstanceStateNameShuttingDown {
				continue
			}
			id := aws.ToString(i.InstanceId)
			if found[id] == nil {
				found[id] = machine(i)
				order = append(order, id)
			}
			mark(found[id])
		}
	}
	tagged, err := instances(ctx, client,
		types.Filter{Name: aws.String("tag:environment"), Values: []string{p.Env.Name()}},
		types.Filter{Name: aws.String("tag:managed_by"), Values: []string{"infra"}})
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	add(tagged, func(m *drift.Machine) { m.Tagged = true })
	vpc, err := vpcOf(states[platformProduct])
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra state show "+p.Env.Name())
	}
	if vpc != "" {
		within, err := instances(ctx, client, types.Filter{Name: aws.String("vpc-id"), Values: []string{vpc}})
		if err != nil {
			return nil, fault.New(fault.Failed, op, err, "")
		}
		add(within, func(m *drift.Machine) { m.Network = true })
	}
	machines := make([]drift.Machine, 0, len(order))
	for _, id := range order {
		machines = append(machines, *found[id])
	}
	return machines, nil
}

func machine(i types.Instance) *drift.Machine {
	m := &drift.Machine{ID: aws.ToString(i.InstanceId), Image: aws.ToString(i.ImageId), State: string(i.State.Name)}
	for _, tag := range i.Tags {
		switch aws.ToString(tag.Key) {
		case "Name":
			m.Name = aws.ToString(tag.Value)
		case KeptTag:
			m.Guest = aws.ToString(tag.Value)
		case "aws:elasticmapreduce:job-flow-id": // EMR's own nodes come and go with their cluster
			m.Cluster = aws.ToString(tag.Value)
		}
	}
	return m
}

// oldImages compares what the hosts are made of with what a new one would be.
func (p *Platform) oldImages(ctx context.Context, machines []drift.Machine, managed map[string]bool, ignore drift.Ignore) ([]drift.Finding, error) {
	if !slices.ContainsFunc(machines, func(m drift.Machine) bool { return managed[m.ID] }) {
		return nil, nil
	}
	wanted := p.Env.Pipeline().Image
	newest, err := p.newestImage(ctx, wanted)
	if err != nil {
		return nil, err
	}
	ids := []string{aws.ToString(newest.ImageId)}
	for _, m := range machines {
		ids = append(ids, m.Image)
	}
	names, err := p.imageNames(ctx, ids)
	if err != nil {
		return nil, err
	}
	return drift.Images(machines, managed, drift.Image{ID: aws.ToString(newest.ImageId), Name: wanted.Name}, names, ignore), nil
}

// managedBy are the ids that states know.
func managedBy(states map[string]*state.State) map[string]bool {
	managed := map[string]bool{}
	for _, s := range states {
		for _, i := range s.Instances() {
			if i.Mode == "managed" && i.ID != "" {
				managed[i.ID] = true
			}
		}
	}
	return managed
}

// checkHosts lets Ansible say what it would change on the hosts.
func (p *Platform) checkHosts(ctx context.Context, s *state.State) ([]drift.TaskChange, error) {
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, err
	}
	return p.check(ctx, inv, inv.Hosts())
}

// Check lets Ansible say what the code of this checkout would change on those
// hosts of the layers that exist. An error says why they were not asked, or not
// all of them.
func (p *Platform) Check(ctx context.Context, layers []string) ([]drift.TaskChange, error) {
	p.looking = true
	s, err := p.Applied(ctx, platformProduct)
	if err != nil {
		return nil, err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, err
	}
	if !p.ownKey() && !ssh.Identity(os.Getenv) {
		return nil, fault.New(fault.Hosts, "check the hosts of "+p.Env.Name(), errors.New("no SSH identity is here, neither an agent nor a key"), "")
	}
	return p.check(ctx, inv, within(inv.Hosts(), layers))
}

// check runs the roles in check mode, which looks and changes nothing.
func (p *Platform) check(ctx context.Context, inv *inventory.Inventory, hosts []inventory.Host) ([]drift.TaskChange, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	bin, err := python.Ensure(ctx, p.Project, "ansible", p.told)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	client, err := p.Reach(ctx, inv, p.Run.Dir, answerLimit)
	if err != nil {
		return nil, asHosts(p, err)
	}
	defer p.close(client)
	if err := p.await(ctx, hosts, func() error { return client.Wait(ctx, hosts, answerLimit) }); err != nil {
		return nil, asHosts(p, err)
	}
	p.con.Detail("%s answered after %s", console.Count(len(hosts), "host"), console.Elapsed(time.Since(started)))
	result, err := p.play(ctx, playing{
		inv: inv, hosts: hosts, client: client, bin: bin, dir: p.Run.Dir, file: "site.yml", variables: siteVariables(p.Env.Settings()), check: true,
	})
	names := map[string]string{}
	for _, h := range hosts {
		names[h.ID] = h.Name
	}
	var changes []drift.TaskChange
	for _, c := range result.Changes {
		changes = append(changes, drift.TaskChange{Host: names[c.Host], Play: c.Play, Task: c.Task, File: strings.Join(c.Files, ", ")})
	}
	return changes, err
}

// asHosts is a failure to reach the hosts with the exit code for that. What ends
// the command for another reason keeps its own.
func asHosts(p *Platform, err error) error {
	if fault.CodeOf(err) != fault.Failed {
		return err
	}
	hint := fault.HintOf(err)
	if hint == "" {
		hint = "infra drift " + p.Env.Name() + " --skip-hosts looks at AWS alone"
	}
	return fault.New(fault.Hosts, "check the hosts of "+p.Env.Name(), err, hint)
}
