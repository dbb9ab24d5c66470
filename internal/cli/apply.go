package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	sel         provision.Selection
	autoApprove bool
}

func newApplyCommand(g *globals) *cobra.Command {
	var o applyOptions
	cmd := describe(&cobra.Command{
		Use:   "apply ENV",
		Short: "Bring the environment to what the code says: machines, then what runs on them",
		Long: `Plans every stack, asks, applies in order, configures the hosts with Ansible and checks that the platform answers.
The state bucket is made when it is missing. A second apply changes nothing.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runApply(cmd.Context(), g, args[0], o) },
	}, "  infra apply prod\n  infra apply sandbox --auto-approve\n  infra apply staging --layer zookeeper",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	selectionFlags(cmd, &o.sel)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().BoolVar(&o.sel.RefreshOnly, "refresh-only", false, "only take into the state what was changed outside of infra")
	cmd.Flags().StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	return cmd
}

func runApply(ctx context.Context, g *globals, name string, o applyOptions) error {
	started := time.Now()
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	stacks, err := p.Apply(ctx, o.sel, approval(g, p, o.autoApprove))
	if err != nil {
		return err
	}
	var hosts ansible.Result
	if hasHosts(o.sel) {
		if hosts, err = p.Configure(ctx, o.sel.Layers); err != nil {
			return err
		}
	}
	return finish(g, report.Run("apply", name, p.Run.ID, started, stacks, hosts))
}

// hasHosts tells whether the selection reaches the product with hosts.
func hasHosts(sel provision.Selection) bool {
	if sel.RefreshOnly {
		return false
	}
	for _, product := range sel.Products {
		if product == "pipeline" {
			return true
		}
	}
	return len(sel.Products) == 0
}

// approval shows the plans and asks, unless --auto-approve was given. A
// protected environment asks for its name.
func approval(g *globals, p *provision.Platform, auto bool) provision.Approve {
	return func(plans *provision.Plans) error {
		g.con.Print(report.PlanText(plans, g.verbose))
		if auto && !p.NeedsName(plans) {
			return nil
		}
		word := "yes"
		if p.Env.Protected() {
			word = p.Env.Name()
		}
		return needsTerminal(g.con.Confirm("\nApply this to "+p.Env.Name()+"?", word), p.Env.Name())
	}
}

func needsTerminal(err error, name string) error {
	if errors.Is(err, console.ErrNoTerminal) {
		return fault.New(fault.Refused, "confirm", err, "run it at a terminal, or add --auto-approve (see infra apply --help) for "+name)
	}
	return err
}

// finish prints a run's document or its closing line.
func finish(g *globals, doc report.RunDocument) error {
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	g.con.Print("\n" + report.RunText(doc))
	return nil
}
