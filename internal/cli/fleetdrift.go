package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"infra/internal/fault"
)

// fleetDriftOptions are the flags of fleet drift.
type fleetDriftOptions struct {
	fleetSelection
	skipHosts bool
	html      string
}

func newFleetDriftCommand(g *globals) *cobra.Command {
	var o fleetDriftOptions
	cmd := describe(&cobra.Command{
		Use:   "drift",
		Short: "Show what differs between many environments and their code: one report",
		Long:  "Looks at the selected environments side by side, as `infra drift` does at one, and makes one report. Nothing is changed.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runFleetDrift(cmd.Context(), g, o) },
	}, "  infra fleet drift --env 'customers/*' --skip-hosts\n  infra fleet drift --label tier=gold --html drift.html",
		fault.Differences, fault.Refused, fault.Locked, fault.Hosts)
	fleetSelectionFlags(cmd, &o.fleetSelection)
	cmd.Flags().BoolVar(&o.skipHosts, "skip-hosts", false, "do not log in to the hosts")
	cmd.Flags().StringVar(&o.html, "html", "", "also write the report as a page to this file")
	return cmd
}

func runFleetDrift(ctx context.Context, g *globals, o fleetDriftOptions) error {
	project, chosen, err := o.choose(g)
	if err != nil {
		return err
	}
	infra, err := g.self(project)
	if err != nil {
		return err
	}
	doc, err := lookBeside(ctx, g, infra, environmentNames(chosen), width(o.parallel, o.products), o.skipHosts, func(name string) []string {
		args := slices.Concat([]string{"drift", name}, o.arguments())
		if o.skipHosts {
			args = append(args, "--skip-hosts")
		}
		return args
	})
	if err != nil {
		return err
	}
	return tellDrift(g, doc, o.html, nil)
}
