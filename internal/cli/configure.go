package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

func newConfigureCommand(g *globals) *cobra.Command {
	var layers []string
	cmd := describe(&cobra.Command{
		Use:   "configure ENV",
		Short: "Run Ansible alone, on the hosts that the state knows",
		Args:  environmentArgument,
		RunE:  func(cmd *cobra.Command, args []string) error { return runConfigure(cmd.Context(), g, args[0], layers) },
	}, "  infra configure prod\n  infra configure prod --layer postgresql", fault.Refused, fault.Hosts)
	cmd.Flags().StringSliceVar(&layers, "layer", nil, "only hosts of this layer (may be repeated)")
	return cmd
}

func runConfigure(ctx context.Context, g *globals, name string, layers []string) error {
	started := time.Now()
	p, err := begin(ctx, g, name, provision.Selection{Layers: layers})
	if err != nil {
		return err
	}
	hosts, err := p.Configure(ctx, layers)
	if err != nil {
		return err
	}
	return finish(g, report.Run("configure", name, p.Run.ID, started, nil, hosts))
}
