package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

func newPgFailoverCommand(g *globals) *cobra.Command {
	var o byHand
	var to string
	var acceptLoss bool
	cmd := describe(&cobra.Command{
		Use:   "failover ENV",
		Short: "Have a standby take over from a primary that is gone, where the automatic failover refused or is off",
		Long: `Has the most advanced standby stop the old primary's instance through EC2, wait until it is down, and take over. It
refuses while a primary takes writes (infra pg switchover loses nothing), without a quorum, and when the standby is
too far behind; --accept-loss gives up the rows that it lacks. A primary that hangs or is cut off is fenced first:
two can never take writes. With engine rds, the managed service is told to fail over to its other zone.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPgFailover(cmd.Context(), g, args[0], to, acceptLoss, o)
		},
	}, "  infra pg failover prod\n  infra pg failover prod --to postgresql-3 --accept-loss --confirm prod", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringVar(&to, "to", "", "the standby that takes over (default: the most advanced one)")
	cmd.Flags().BoolVar(&acceptLoss, "accept-loss", false, "also when rows that were acknowledged may be lost")
	byHandFlags(cmd, &o)
	return cmd
}

func runPgFailover(ctx context.Context, g *globals, name, to string, acceptLoss bool, o byHand) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	return changeDatabase(ctx, g, p, "failover", o, func(ctx context.Context, w postgresql.Work, overview *postgresql.Overview) (*postgresql.Done, error) {
		if w.Output.Engine == "rds" {
			question := fmt.Sprintf("\nHave RDS fail over the database of %s to its other zone? Connections end, writes wait for a minute or two.", name)
			if err := asks(g, p, question, o.autoApprove, o.confirm, "infra pg failover "+name); err != nil {
				return nil, err
			}
			return postgresql.FailoverManaged(ctx, w, rds.NewFromConfig(w.AWS))
		}
		move, err := postgresql.PlanFailover(overview, to, acceptLoss)
		if err != nil {
			return nil, err
		}
		if err := asks(g, p, failoverQuestion(name, move, acceptLoss), o.autoApprove, o.confirm, "infra pg failover "+name); err != nil {
			return nil, err
		}
		return postgresql.Failover(ctx, w, move, acceptLoss)
	})
}

func failoverQuestion(name string, move postgresql.Move, acceptLoss bool) string {
	question := fmt.Sprintf("\nStop the instance of %s and make %s the primary of %s?", cmp.Or(move.From.Name, "the old primary"), move.To.Name, name)
	if acceptLoss {
		question += " Rows that it lacks are lost."
	}
	return question
}
