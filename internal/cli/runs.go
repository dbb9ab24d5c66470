package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

func newRunsCommand(g *globals) *cobra.Command {
	var limit int
	cmd := describe(&cobra.Command{
		Use:   "runs ENV [RUN]",
		Short: "List what was done to the environment, by whom and how it ended, from the ledger",
		Long: `Lists the newest runs, newest first: those that changed something, those that were refused, plans that were kept
for approval, and the one that goes on now. With the id of a run, everything that the ledger knows of it. A run that
began to change something and never said how it ended is shown as "outcome unknown": infra recover closes it.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return fault.New(fault.Usage, "", errors.New("--limit must be at least 1"), "infra runs --help")
			}
			if len(args) == 2 {
				return runRun(cmd.Context(), g, args[0], args[1])
			}
			return runRuns(cmd.Context(), g, args[0], limit)
		},
	}, "  infra runs prod\n  infra runs prod 20261122T083015Z-1f2e3d\n  infra runs prod --output json | jq -r '.runs[] | select(.result == \"failed\").run'", fault.Refused)
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many runs")
	return cmd
}

func runRuns(ctx context.Context, g *globals, name string, limit int) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	runs, err := p.Runs().Runs(ctx, limit)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(report.Runs(name, runs))
	}
	_, err = fmt.Fprint(g.con.Out(), report.RunsText(name, runs))
	return err
}

func runRun(ctx context.Context, g *globals, name, id string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	r, err := p.Runs().Find(ctx, id)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(r)
	}
	_, err = fmt.Fprint(g.con.Out(), report.RecordText(r))
	return err
}

// connect opens an environment for a command that only reads its bucket.
func connect(ctx context.Context, g *globals, name string) (*provision.Platform, error) {
	project, err := g.project()
	if err != nil {
		return nil, err
	}
	return provision.Connect(ctx, project, name, g.con)
}
