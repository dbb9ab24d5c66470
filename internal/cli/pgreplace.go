package cli

import (
	"context"
	"errors"
	"strings"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/state"
)

// replaceNode has Terraform make a node's instance and volumes anew, Ansible
// configure and clone it, and waits until it follows the primary. The plan is
// what is asked about.
func replaceNode(ctx context.Context, g *globals, p *provision.Platform, w postgresql.Work, overview *postgresql.Overview, node string, o byHand) (*postgresql.Done, error) {
	name := p.Env.Name()
	n, err := postgresql.PlanReplace(overview, node)
	if err != nil {
		return nil, err
	}
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, err
	}
	addresses := machineOf(s, n.ID)
	if len(addresses) == 0 {
		return nil, fault.New(fault.Failed, "replace "+n.Name, errors.New("the state has no instance "+n.ID), "infra apply "+name+", which makes what is missing")
	}
	approve := approval(g, p, o.autoApprove, o.confirm, "infra pg rejoin "+name+" "+n.Name+" --replace")
	machine := func(ctx context.Context) error {
		if _, err := p.Apply(ctx, provision.Selection{
			Products: []string{"pipeline"}, Layers: []string{"postgresql"}, Parallelism: parallelism, Replace: addresses, AllowDestroy: addresses,
		}, approve); err != nil {
			return err
		}
		_, err := p.Configure(ctx, []string{"postgresql"})
		return err
	}
	look := func(ctx context.Context) (postgresql.Status, error) {
		overview, err := readOverview(ctx, p)
		if err != nil {
			return postgresql.Status{}, err
		}
		return overview.Status, nil
	}
	return postgresql.Replace(ctx, w, n, machine, look)
}

// machineOf are the addresses of an instance and of the volumes beside it.
func machineOf(s *state.State, id string) []string {
	module := ""
	all := s.Instances()
	for _, i := range all {
		if i.Type == "aws_instance" && i.Mode == "managed" && i.ID == id {
			module, _, _ = strings.Cut(i.Address, "aws_instance.")
		}
	}
	if module == "" {
		return nil
	}
	var addresses []string
	for _, i := range all {
		if i.Deposed == "" && (i.Type == "aws_instance" || i.Type == "aws_ebs_volume") && strings.HasPrefix(i.Address, module) {
			addresses = append(addresses, i.Address)
		}
	}
	return addresses
}
