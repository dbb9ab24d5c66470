package cli

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/drift"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/rollout"
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
	infra, err := self(project)
	if err != nil {
		return err
	}
	names := environmentNames(chosen)
	found := make([]report.EnvironmentDrift, len(names))
	left := len(names)
	err = infra.Each(ctx, names, o.width(), func(name string) []string {
		args := slices.Concat([]string{"drift", name}, o.arguments())
		if o.skipHosts {
			args = append(args, "--skip-hosts")
		}
		return args
	}, func(name string, a rollout.Answer) {
		found[slices.Index(names, name)] = driftAnswer(chosen[slices.Index(names, name)], a, o.skipHosts)
		left--
		g.con.Live("looking for drift: %d to go", left)
	})
	g.con.Live("")
	if err != nil {
		return err
	}
	doc := report.Drift(time.Now(), found)
	if err := writeDrift(g, doc, o.html); err != nil {
		return err
	}
	return looked(doc.Code(), doc.Problems(), nil, "look for drift", "infra drift")
}

// driftAnswer is one environment of the report, as its own infra found it.
func driftAnswer(env *environment.Environment, a rollout.Answer, skippedHosts bool) report.EnvironmentDrift {
	var doc report.DriftDocument
	if err := json.Unmarshal(a.Out, &doc); err == nil && len(doc.Environments) == 1 {
		return doc.Environments[0]
	}
	return report.EnvironmentDrift{
		Environment: env.Name(), File: env.File(), SkippedHosts: skippedHosts, Findings: []drift.Finding{}, Noise: []drift.Finding{},
		Error: &report.Problem{Code: a.Exit, Message: a.Error, Hint: a.Hint},
	}
}
