package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/restore"
	"infra/internal/state"
)

func newDestroyCommand(g *globals) *cobra.Command {
	var o changeOptions
	cmd := describe(&cobra.Command{
		Use:   "destroy ENV",
		Short: "Destroy everything that the environment's states hold, what needs others first",
		Long: `Destroys the stacks in reverse order. All data is lost, so the environment's name has to be typed, or given by
--confirm where nobody can type. The state bucket stays. It refuses while a database that infra pg restore
made is kept beside the platform.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runDestroy(cmd.Context(), g, args[0], o) },
	}, "  infra destroy sandbox --confirm sandbox\n  infra destroy staging --product pipeline", fault.Refused, fault.Locked, fault.StateNotSaved)
	selectionFlags(cmd, &o.sel)
	dirtyFlag(cmd, &o.allowDirty)
	confirmFlag(cmd, &o.confirm)
	return cmd
}

func runDestroy(ctx context.Context, g *globals, name string, o changeOptions) error {
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	if _, err := guard.Confirmed(name, p.Env.Protected(), false, o.confirm, true); err != nil {
		return err // a name of another environment: before anything is looked at
	}
	approve := func(plans *provision.Plans) error {
		g.con.Print(report.PlanText(plans, g.verbose))
		if o.confirm != "" {
			return nil
		}
		question := fmt.Sprintf("\nDestroy all of this in %s (account %s)? The data is lost.", name, p.Env.Account())
		return needsTerminal(g.con.Confirm(question, name), fmt.Sprintf("infra destroy %s --confirm %s", name, name))
	}
	if made, err := p.Bucket().Exists(ctx); err != nil || !made {
		if err == nil {
			g.con.Step("%s has no state bucket: there is nothing to destroy", name)
		}
		return err
	}
	return change(ctx, g, p, "destroy", o, func(ctx context.Context) ([]provision.StackResult, ansible.Result, error) {
		if err := nothingKept(ctx, p, o.sel.Products); err != nil {
			return nil, ansible.Result{}, err
		}
		stacks, err := p.Destroy(ctx, o.sel, approve)
		return stacks, ansible.Result{}, err
	})
}

// nothingKept refuses to take the network away from restored databases that
// somebody wanted to keep: no state knows them, and AWS would stop in the
// middle.
func nothingKept(ctx context.Context, p *provision.Platform, products []string) error {
	if len(products) > 0 && !slices.Contains(products, "pipeline") {
		return nil
	}
	s, err := p.State(ctx, "pipeline")
	if errors.Is(err, state.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	output, err := decoded[postgresql.Output](s, "postgresql")
	if err != nil {
		return err
	}
	kept, err := restore.Kept(ctx, p, output)
	if err != nil || len(kept) == 0 {
		return err
	}
	return fault.New(fault.Refused, "destroy "+p.Env.Name(), errors.New("restored databases are kept in it: "+strings.Join(kept, ", ")),
		"infra pg restore "+p.Env.Name()+" --remove "+kept[0])
}
