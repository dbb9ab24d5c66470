package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// recoverOptions are the flags of recover.
type recoverOptions struct {
	autoApprove bool
	confirm     string
	wait        run.Wait
}

func newRecoverCommand(g *globals) *cobra.Command {
	var o recoverOptions
	cmd := describe(&cobra.Command{
		Use:   "recover ENV",
		Short: "Close a run that was killed in the middle: unlock, refresh the states, find what no state knows",
		Long: `A run that began to change something and never said how it ended blocks every other one. recover makes sure that it
is dead, removes the locks that it has left, lets Terraform compare every state with what exists, lists what the run
has made that is in no state (by the tag infra-run, by name, and by the run's own logs where they are in this
checkout), and closes it. It changes states and nothing else: what it lists is for you to import or to delete.
Without such a run it does nothing.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runRecover(cmd.Context(), g, args[0], o) },
	}, "  infra recover prod\n  infra recover staging --auto-approve --lock-timeout 2m", fault.Refused, fault.Locked, fault.StateNotSaved)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	confirmFlag(cmd, &o.confirm)
	lockFlag(cmd, &o.wait)
	return cmd
}

func runRecover(ctx context.Context, g *globals, name string, o recoverOptions) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	recovery, err := p.Recover(ctx, o.wait, func(r run.Record) error {
		g.con.Print(report.RecordText(r))
		return asks(g, p, "\nIs it over? Refresh the states of "+name+", find what it left, and close it?", o.autoApprove, o.confirm, "infra recover "+name)
	})
	if err != nil {
		return err
	}
	doc := report.Recovery(name, p.Env.Region(), p.Env.Endpoint(), p.Run.ID, recovery)
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	g.con.Print(report.RecoveryText(doc))
	return nil
}
