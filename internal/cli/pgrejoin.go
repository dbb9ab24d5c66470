package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

func newPgRejoinCommand(g *globals) *cobra.Command {
	var o pgChange
	var replace bool
	cmd := describe(&cobra.Command{
		Use:   "rejoin ENV NODE",
		Short: "Make a node a standby of the primary again, now",
		Long: `A node that was fenced, or that cannot follow, rejoins by itself: its agent stores what explains the failure, rewinds
its data or copies them anew. This command has it done now: it starts the instance when it is stopped, asks the node,
and shows what happens. Data that the primary does not have are lost on that node; they are in the evidence.

A node that can be made a standby neither by rewinding nor by copying asks for another host (infra pg status says so).
--replace has Terraform make its instance and volumes anew, and Ansible configure and clone it. The plan is shown first.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPgRejoin(cmd.Context(), g, args[0], args[1], replace, o)
		},
	}, "  infra pg rejoin prod postgresql-1\n  infra pg rejoin prod postgresql-1 --replace --confirm prod", fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	cmd.Flags().BoolVar(&replace, "replace", false, "make the node's instance and volumes anew")
	pgChangeFlags(cmd, &o)
	return cmd
}

func runPgRejoin(ctx context.Context, g *globals, name, node string, replace bool, o pgChange) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeDatabase(ctx, g, p, "rejoin", o, func(ctx context.Context, w postgresql.Work, overview *postgresql.Overview) (*postgresql.Done, error) {
		if w.Output.Engine == "rds" {
			return nil, managedRefusal("rejoin", name)
		}
		if replace {
			n, err := postgresql.PlanReplace(overview, node)
			if err != nil {
				return nil, err
			}
			return replaceNode(ctx, g, p, w, n, o)
		}
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
	})
}
