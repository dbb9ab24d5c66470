package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
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
	return driftOfSeveral(ctx, g, project, environmentNames(chosen), driftOptions{
		DriftOptions: provision.DriftOptions{SkipHosts: o.skipHosts, Parallelism: o.parallelism}, parallel: o.parallel, html: o.html,
	})
}
