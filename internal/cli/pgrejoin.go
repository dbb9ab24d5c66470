package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

// pgRejoinOptions are the flags of pg rejoin.
type pgRejoinOptions struct {
	byHand
	replace bool
	wanted  bool
}

func newPgRejoinCommand(g *globals) *cobra.Command {
	var o pgRejoinOptions
	cmd := describe(&cobra.Command{
		Use:   "rejoin ENV [NODE]",
		Short: "Make a node a standby of the primary again, now",
		Long: `A node that was fenced, or that cannot follow, rejoins by itself: its agent stores what explains the failure, rewinds
its data or copies them anew. This command has it done now: it starts the instance when it is stopped, asks the node,
and shows what happens. Data that the primary does not have are lost on that node; they are in the evidence.

A node that can be made a standby neither by rewinding nor by copying asks for another host (infra pg status says so).
--replace has Terraform make its instance and volumes anew, and Ansible configure and clone it. The plan is shown first.
--wanted does so to the first node that asks for it, one a call, and nothing where none does: for a schedule.`,
		Args: cobra.MatchAll(cobra.RangeArgs(1, 2), func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) != o.wanted {
				return fault.New(fault.Usage, "", errors.New("either a NODE is named, or --wanted is given"), "infra pg rejoin --help")
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPgRejoin(cmd.Context(), g, args[0], args[1:], o)
		},
	}, "  infra pg rejoin prod postgresql-1\n  infra pg rejoin prod postgresql-1 --replace --confirm prod\n  infra pg rejoin prod --wanted --confirm prod",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	cmd.Flags().BoolVar(&o.replace, "replace", false, "make the node's instance and volumes anew")
	cmd.Flags().BoolVar(&o.wanted, "wanted", false, "replace the first node that asks for it; none is named")
	byHandFlags(cmd, &o.byHand)
	return cmd
}

func runPgRejoin(ctx context.Context, g *globals, name string, nodes []string, o pgRejoinOptions) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeDatabase(ctx, g, p, "rejoin", o.byHand, func(ctx context.Context, w postgresql.Work, overview *postgresql.Overview) (*postgresql.Done, error) {
		switch {
		case w.Output.Engine == "rds":
			return nil, managedRefusal("rejoin", name)
		case o.wanted:
			if nodes = overview.WantReplacement(); len(nodes) == 0 {
				g.con.Step("no node of %s asks to be replaced", name)
				return nil, nil //nolint:nilnil // nothing was done
			}
			// One at a time: the next may be what is left of the cluster. The schedule comes again.
			return replaceNode(ctx, g, p, w, overview, nodes[0], o.byHand)
		case o.replace:
			return replaceNode(ctx, g, p, w, overview, nodes[0], o.byHand)
		default:
			return rejoinNode(ctx, g, p, w, overview, nodes[0], o.byHand)
		}
	})
}

func rejoinNode(ctx context.Context, g *globals, p *provision.Platform, w postgresql.Work, overview *postgresql.Overview, node string, o byHand) (*postgresql.Done, error) {
	name := p.Env.Name()
	n, needed, err := postgresql.PlanRejoin(overview, node)
	if err != nil {
		return nil, err
	}
	if !needed {
		g.con.Step("%s streams from the primary: there is nothing to do", n.Name)
		return nil, nil //nolint:nilnil // nothing was done
	}
	question := fmt.Sprintf("\nHave %s of %s rewind or copy its data from the primary?", n.Name, name)
	if err := asks(g, p, question, o.autoApprove, o.confirm, fmt.Sprintf("infra pg rejoin %s %s", name, node)); err != nil {
		return nil, err
	}
	return postgresql.Rejoin(ctx, w, n)
}
