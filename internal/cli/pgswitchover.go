package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

func newPgSwitchoverCommand(g *globals) *cobra.Command {
	var o byHand
	var to string
	cmd := describe(&cobra.Command{
		Use:   "switchover ENV",
		Short: "Change the primary as planned: nothing is lost, writes wait a few seconds",
		Long: `Pauses the automatic failover, has the primary write a checkpoint and stop in order, and promotes a standby once it
has replayed the last record of it. The address follows, the old primary becomes a standby. It refuses, with every
reason, when the primary or the standby is not well. If anything fails before the promotion, the old primary is
started again; an interrupt in the middle is heeded when it is over.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPgSwitchover(cmd.Context(), g, args[0], to, o)
		},
	}, "  infra pg switchover prod\n  infra pg switchover prod --to postgresql-2 --confirm prod", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringVar(&to, "to", "", "the standby that takes over (default: the one nearest to the primary)")
	byHandFlags(cmd, &o)
	return cmd
}

func runPgSwitchover(ctx context.Context, g *globals, name, to string, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeDatabase(ctx, g, p, "switchover", o, func(ctx context.Context, w postgresql.Work, overview *postgresql.Overview) (*postgresql.Done, error) {
		if w.Output.Engine == "rds" {
			return nil, managedRefusal("switchover", name)
		}
		move, err := postgresql.PlanSwitchover(overview, to)
		if err != nil {
			return nil, err
		}
		question := fmt.Sprintf("\nMake %s the primary of %s instead of %s? Writes wait a few seconds.", move.To.Name, name, move.From.Name)
		if err := asks(g, p, question, o.autoApprove, o.confirm, "infra pg switchover "+name); err != nil {
			return nil, err
		}
		return postgresql.Switchover(ctx, w, move)
	})
}
