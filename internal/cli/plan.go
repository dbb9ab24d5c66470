package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

func newPlanCommand(g *globals) *cobra.Command {
	var sel provision.Selection
	cmd := describe(&cobra.Command{
		Use:   "plan ENV",
		Short: "Show what apply would change",
		Long: `Plans every stack of the environment, side by side. Nothing is changed. A stack that reads the outputs of one
that was never applied is shown as deferred. A plan that would destroy something stateful is refused unless each
address is named by --allow-destroy.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPlan(cmd.Context(), g, args[0], sel) },
	}, "  infra plan prod\n  infra plan prod --product pipeline --layer zookeeper\n  infra plan prod --output json | jq '.stacks[].changes'",
		fault.Differences, fault.Refused, fault.Locked)
	selectionFlags(cmd, &sel)
	cmd.Flags().BoolVar(&sel.RefreshOnly, "refresh-only", false, "look only for what was changed outside of infra")
	cmd.Flags().StringArrayVar(&sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	return cmd
}

func runPlan(ctx context.Context, g *globals, name string, sel provision.Selection) error {
	p, err := begin(ctx, g, name, sel)
	if err != nil {
		return err
	}
	plans, err := p.Plan(ctx, sel)
	if plans != nil {
		if g.con.JSON() {
			if err := g.con.WriteJSON(report.Plan(name, plans)); err != nil {
				return err
			}
		} else {
			g.con.Print(report.PlanText(plans, g.verbose))
		}
	}
	if err != nil {
		return err
	}
	if plans.Empty() {
		if !g.con.JSON() {
			g.con.Print("No changes: " + name + " is as the code says.\n")
		}
		return nil
	}
	return errDifferences
}
