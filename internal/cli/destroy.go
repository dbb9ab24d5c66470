package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/report"
)

// destroyOptions are the flags of destroy.
type destroyOptions struct {
	sel     provision.Selection
	confirm string
}

func newDestroyCommand(g *globals) *cobra.Command {
	var o destroyOptions
	cmd := describe(&cobra.Command{
		Use:   "destroy ENV",
		Short: "Destroy everything that the environment's states hold, what needs others first",
		Long: `Destroys the stacks in reverse order. All data is lost, so the environment's name has to be typed, or given by
--confirm where nobody can type. The state bucket stays.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runDestroy(cmd.Context(), g, args[0], o) },
	}, "  infra destroy sandbox --confirm sandbox\n  infra destroy staging --product pipeline", fault.Refused, fault.Locked, fault.StateNotSaved)
	selectionFlags(cmd, &o.sel)
	cmd.Flags().StringVar(&o.confirm, "confirm", "", "the environment's name, typed by whoever calls")
	return cmd
}

func runDestroy(ctx context.Context, g *globals, name string, o destroyOptions) error {
	started := time.Now()
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	stacks, err := p.Destroy(ctx, o.sel, func(plans *provision.Plans) error {
		g.con.Print(report.PlanText(plans, g.verbose))
		if o.confirm != "" {
			return guard.Typed(name, o.confirm)
		}
		if err := g.con.Confirm(fmt.Sprintf("\nDestroy all of this in %s (account %s)? The data is lost.", name, p.Env.Account()), name); err != nil {
			return fault.New(fault.Refused, "destroy "+name, err, fmt.Sprintf("infra destroy %s --confirm %s", name, name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return finish(g, report.Run("destroy", name, p.Run.ID, started, stacks, ansible.Result{}))
}
