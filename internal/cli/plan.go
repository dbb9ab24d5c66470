package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

func newPlanCommand(g *globals) *cobra.Command {
	var o planOptions
	cmd := describe(&cobra.Command{
		Use:   "plan ENV",
		Short: "Show what apply would change",
		Long: `Plans every stack of the environment, side by side. Nothing is changed. A stack that reads the outputs of one
that was never applied is shown as deferred. A plan that would destroy something stateful is refused unless each
address is named by --allow-destroy. With --out, the plans of all stacks are kept in one bundle, which
` + "`infra apply ENV --plan FILE`" + ` applies exactly; kept in S3 it is encrypted with the environment's key. A bundle holds secrets in clear.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPlan(cmd.Context(), g, args[0], o) },
	}, "  infra plan prod\n  infra plan prod --product pipeline --layer zookeeper\n  infra plan prod --output json | jq '.stacks[].changes'\n  infra plan prod --out s3",
		fault.Differences, fault.Refused, fault.Locked)
	selectionFlags(cmd, &o.sel)
	cmd.Flags().BoolVar(&o.sel.RefreshOnly, "refresh-only", false, "look only for what was changed outside of infra")
	cmd.Flags().StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	cmd.Flags().StringVar(&o.out, "out", "", "keep the plans in this file, or in the state bucket: s3")
	cmd.Flags().DurationVar(&o.valid, "valid-for", day, "how long the bundle of --out may be applied")
	return cmd
}

// day is how long an approved plan is good for unless somebody says so.
const day = 24 * time.Hour

// planOptions are the flags of plan.
type planOptions struct {
	sel   provision.Selection
	out   string
	valid time.Duration
}

func runPlan(ctx context.Context, g *globals, name string, o planOptions) (err error) {
	p, err := look(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Run.Tidy()) }()
	plans, err := p.Plan(ctx, o.sel)
	var kept provision.Kept
	if err == nil && o.out != "" {
		kept, err = p.Keep(ctx, plans, o.out, o.valid)
	}
	if plans != nil {
		if g.con.JSON() {
			if err := g.con.WriteJSON(report.Plan(name, plans, kept)); err != nil {
				return err
			}
		} else {
			g.con.Print(report.PlanText(plans, g.verbose))
		}
	}
	if err != nil {
		return err
	}
	if kept.Place != "" && !g.con.JSON() {
		g.con.Print(fmt.Sprintf("\nThe plan is kept until %s. To apply exactly this:\n  infra apply %s --plan %s\n", kept.Expires.Format(time.RFC3339), name, kept.Place))
	}
	if plans.Empty() {
		if !g.con.JSON() {
			g.con.Print("No changes: " + name + " is as the code says.\n")
		}
		return nil
	}
	return errDifferences
}
