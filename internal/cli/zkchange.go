package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/state"
	"infra/internal/zookeeper"
)

const zookeeperLayer = "zookeeper"

func newZkRestartCommand(g *globals) *cobra.Command {
	var o byHand
	var servers []string
	var upgrade bool
	cmd := describe(&cobra.Command{
		Use:   "restart ENV",
		Short: "Restart the servers one at a time, the leader last, while the ensemble is in use",
		Long: `Observers first, then followers, the leader last, so that leadership moves once. The next server's turn comes when the
ensemble is whole again. It refuses while anything is wrong. An ensemble of one is not available meanwhile.
With --upgrade each server gets the newest packages of ZooKeeper and Java of its Debian release while it is down; the
automatic security upgrades leave these out.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runZkRestart(cmd.Context(), g, args[0], servers, upgrade, o)
		},
	}, "  infra zk restart prod\n  infra zk restart prod --upgrade --confirm prod\n  infra zk restart prod --server zookeeper-2", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringSliceVar(&servers, "server", nil, "only this one (may be repeated)")
	cmd.Flags().BoolVar(&upgrade, "upgrade", false, "with the newest packages of ZooKeeper and Java")
	byHandFlags(cmd, &o)
	return cmd
}

func runZkRestart(ctx context.Context, g *globals, name string, servers []string, upgrade bool, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeEnsemble(ctx, g, p, "zk restart", o, func(ctx context.Context, w zookeeper.Work, now zookeeper.Status, _ *provision.Hosts) (*zookeeper.Done, error) {
		order, err := zookeeper.PlanRestart(now, name, servers)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, m := range order {
			names = append(names, m.Name)
		}
		if err := asks(g, p, fmt.Sprintf("\nRestart %s of %s, in this order?", strings.Join(names, ", "), name), o.autoApprove, o.confirm, "infra zk restart "+name); err != nil {
			return nil, err
		}
		return zookeeper.Restart(ctx, w, order, upgrade)
	})
}

func newZkReplaceCommand(g *globals) *cobra.Command {
	var o byHand
	cmd := describe(&cobra.Command{
		Use:   "replace ENV SERVER",
		Short: "Make a server's instance and volumes anew, while the ensemble is in use",
		Long: `Terraform makes the instance and its volumes anew, Ansible takes the old member out and its successor in, under a new id:
as an observer until it has the data, then as a voter. It refuses unless the other servers are a majority without it.
The plan is shown first. An instance that is gone is made anew by infra apply, which keeps its volumes.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runZkReplace(cmd.Context(), g, args[0], args[1], o)
		},
	}, "  infra zk replace prod zookeeper-2\n  infra zk replace prod zookeeper-2 --confirm prod", fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	byHandFlags(cmd, &o)
	return cmd
}

func runZkReplace(ctx context.Context, g *globals, name, server string, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeEnsemble(ctx, g, p, "zk replace", o, func(ctx context.Context, w zookeeper.Work, now zookeeper.Status, h *provision.Hosts) (*zookeeper.Done, error) {
		m, err := zookeeper.PlanReplace(now, name, server)
		if err != nil {
			return nil, err
		}
		addresses, err := machinesOf(h.State, name, m)
		if err != nil {
			return nil, err
		}
		return zookeeper.Replace(ctx, w, m, func(ctx context.Context) error {
			approve := approval(g, p, o.autoApprove, o.confirm, "infra zk replace "+name+" "+server)
			return applyEnsemble(ctx, p, provision.Selection{Replace: addresses, AllowDestroy: addresses}, approve)
		}, lookAgain(p))
	})
}

func newZkGrowCommand(g *globals) *cobra.Command {
	var o byHand
	cmd := describe(&cobra.Command{
		Use:   "grow ENV",
		Short: "Make the ensemble as large as the environment's file says, while it is in use",
		Long: `Set products.pipeline.zookeeper.size in the environment's file first. Each new server gets the data as an observer and
then votes, one after the other. infra apply does the same; this command changes nothing else, and refuses while the
ensemble is not whole.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runZkGrow(cmd.Context(), g, args[0], o) },
	}, "  infra zk grow prod\n  infra zk grow prod --confirm prod", fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	byHandFlags(cmd, &o)
	return cmd
}

func runZkGrow(ctx context.Context, g *globals, name string, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeEnsemble(ctx, g, p, "zk grow", o, func(ctx context.Context, w zookeeper.Work, now zookeeper.Status, _ *provision.Hosts) (*zookeeper.Done, error) {
		if err := zookeeper.PlanGrow(now, name, p.Env.File(), p.Env.Pipeline().Zookeeper.Size); err != nil {
			return nil, err
		}
		return zookeeper.Grow(ctx, w, func(ctx context.Context) error {
			return applyEnsemble(ctx, p, provision.Selection{}, approval(g, p, o.autoApprove, o.confirm, "infra zk grow "+name))
		}, lookAgain(p))
	})
}

func newZkShrinkCommand(g *globals) *cobra.Command {
	var o byHand
	cmd := describe(&cobra.Command{
		Use:   "shrink ENV",
		Short: "Make the ensemble as small as the environment's file says, while it is in use",
		Long: `Set products.pipeline.zookeeper.size in the environment's file first. The servers with the highest numbers leave the
ensemble one after the other, are stopped, and their machines and volumes are removed; the plan for that is shown
first. Interrupted, it goes on from there when it is called again.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runZkShrink(cmd.Context(), g, args[0], o) },
	}, "  infra zk shrink prod\n  infra zk shrink prod --confirm prod", fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	byHandFlags(cmd, &o)
	return cmd
}

func runZkShrink(ctx context.Context, g *globals, name string, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeEnsemble(ctx, g, p, "zk shrink", o, func(ctx context.Context, w zookeeper.Work, now zookeeper.Status, h *provision.Hosts) (*zookeeper.Done, error) {
		leave, err := zookeeper.PlanShrink(now, name, p.Env.File(), p.Env.Pipeline().Zookeeper.Size)
		if err != nil {
			return nil, err
		}
		addresses, err := machinesOf(h.State, name, leave...)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, m := range leave {
			names = append(names, m.Name)
		}
		if err := asks(g, p, fmt.Sprintf("\nTake %s out of the ensemble of %s?", strings.Join(names, ", "), name), o.autoApprove, o.confirm, "infra zk shrink "+name); err != nil {
			return nil, err
		}
		out := func(ctx context.Context) error { return takeOut(ctx, p, h.State, leave) }
		machines := func(ctx context.Context) error {
			return applyEnsemble(ctx, p, provision.Selection{AllowDestroy: addresses}, approval(g, p, o.autoApprove, o.confirm, "infra zk shrink "+name))
		}
		return zookeeper.Shrink(ctx, w, leave, out, machines, lookAgain(p))
	})
}

// takeOut has Ansible bring the membership to the servers that stay.
func takeOut(ctx context.Context, p *provision.Platform, s *state.State, leave []zookeeper.Member) error {
	leaves := func(number int) bool {
		for _, m := range leave {
			if m.Number == number {
				return true
			}
		}
		return false
	}
	variables, err := variablesOf[struct {
		Ensemble []struct {
			Number  int    `json:"number"`
			Name    string `json:"name"`
			Address string `json:"address"`
		} `json:"zookeeper_ensemble"`
	}](s, zookeeperLayer)
	if err != nil {
		return err
	}
	if len(variables.Ensemble) == 0 {
		return fault.New(fault.Failed, "take servers out of the ensemble", errors.New("the state does not say who is in it"), "infra apply "+p.Env.Name())
	}
	var stay []map[string]any
	for _, server := range variables.Ensemble {
		if !leaves(server.Number) {
			stay = append(stay, map[string]any{"number": server.Number, "name": server.Name, "address": server.Address})
		}
	}
	_, err = p.ConfigureOnly(ctx, []string{zookeeperLayer}, func(h inventory.Host) bool {
		return h.Layer == zookeeperLayer && leaves(h.Number)
	}, map[string]any{"zookeeper_ensemble": stay})
	return err
}

// applyEnsemble has Terraform and Ansible bring the layer to what the file
// says.
func applyEnsemble(ctx context.Context, p *provision.Platform, sel provision.Selection, approve provision.Approve) error {
	sel.Products, sel.Layers, sel.Parallelism = []string{"pipeline"}, []string{zookeeperLayer}, parallelism
	if _, err := p.Apply(ctx, sel, approve); err != nil {
		return err
	}
	_, err := p.Configure(ctx, sel.Layers)
	return err
}

// machinesOf are the addresses of members' instances and volumes.
func machinesOf(s *state.State, environment string, members ...zookeeper.Member) ([]string, error) {
	var addresses []string
	for _, m := range members {
		found := machineOf(s, m.ID)
		if len(found) == 0 {
			return nil, fault.New(fault.Failed, "find the machine of "+m.Name, errors.New("the state has no instance "+m.ID), "infra apply "+environment+", which makes what is missing")
		}
		addresses = append(addresses, found...)
	}
	return addresses, nil
}

// lookAgain asks the servers that the state has by then: they are not those
// that it had before. A look that fails is an ensemble that is not known.
func lookAgain(p *provision.Platform) func(context.Context) zookeeper.Status {
	return func(ctx context.Context) zookeeper.Status {
		s, err := readEnsemble(ctx, p)
		if err != nil {
			s.Problems = append(s.Problems, err.Error())
		}
		return s
	}
}
