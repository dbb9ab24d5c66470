package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/fault"
	"infra/internal/provision"
)

func newConfigureCommand(g *globals) *cobra.Command {
	var o changeOptions
	cmd := describe(&cobra.Command{
		Use:   "configure ENV",
		Short: "Run Ansible alone, on the hosts that the state knows",
		Args:  environmentArgument,
		RunE:  func(cmd *cobra.Command, args []string) error { return runConfigure(cmd.Context(), g, args[0], o) },
	}, "  infra configure prod\n  infra configure prod --layer postgresql", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringSliceVar(&o.sel.Layers, "layer", nil, "only hosts of this layer (may be repeated)")
	lockFlag(cmd, &o.sel.Wait)
	dirtyFlag(cmd, &o.allowDirty)
	return cmd
}

func runConfigure(ctx context.Context, g *globals, name string, o changeOptions) error {
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	if _, err := p.Applied(ctx, "pipeline"); err != nil {
		return err
	}
	return change(ctx, g, p, "configure", o, func(ctx context.Context) (stacks []provision.StackResult, hosts ansible.Result, err error) {
		hosts, err = p.Configure(ctx, o.sel.Layers)
		return nil, hosts, err
	})
}
