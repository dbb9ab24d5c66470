package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/report"
	"infra/internal/rollout"
)

func newFleetCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "The same command for many environments: plan, apply in waves, drift",
		Long: `Works on a selection of environments. A roll-out goes in waves, keeps to a budget of failures and to the environments'
maintenance windows, may be paused, and goes on after it was stopped. Each environment is applied by an ` + "`infra apply`" + ` of its
own; its lease and its ledger see to it that nothing is applied twice.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFleetApplyCommand(g), newFleetDriftCommand(g), newFleetPauseCommand(g), newFleetPlanCommand(g), newFleetResumeCommand(g), newFleetStatusCommand(g))
	return cmd
}

// rolloutArgument accepts at most one id of a roll-out.
func rolloutArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Usage, "", fmt.Errorf("%s takes the id of one roll-out, got %d arguments", cmd.CommandPath(), len(args)), cmd.CommandPath()+" --help")
	}
	return nil
}

// optional is the only argument, empty when there is none.
func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// watcher shows a roll-out while it goes on: a live table on a terminal, a line
// an event elsewhere. place are the flags that say where it is.
func watcher(g *globals, r *fleet.Rollout, place string, doing func(name string) string) rollout.Watcher {
	paused := false
	return rollout.Watcher{
		Began: func(e fleet.Environment) { g.con.Step("wave %s: %s: begins", report.FleetWave(e.Wave), e.Name) },
		Ended: func(e fleet.Environment) { g.con.Step("wave %s: %s", report.FleetWave(e.Wave), report.FleetEnd(e)) },
		Tick: func() {
			if r.Paused != paused {
				if paused = r.Paused; paused {
					g.con.Step("paused: nothing new begins; infra fleet resume %s%s", r.ID, place)
				} else {
					g.con.Step("goes on")
				}
			}
			g.con.Live("%s", report.FleetTable(r, time.Now(), doing, true))
		},
	}
}

// tellFleet shows how a roll-out stands at its end, and ends with its exit code.
// place are the flags that say where it is.
func tellFleet(g *globals, r *fleet.Rollout, place string) error {
	g.con.Live("")
	now := time.Now()
	if g.con.JSON() {
		if err := g.con.WriteJSON(report.Fleet(r, now)); err != nil {
			return err
		}
	} else {
		g.con.Print("\n" + report.FleetTable(r, now, func(string) string { return "" }, false) + "\n" + report.FleetFailures(r))
	}
	code := r.Code()
	if code == fault.OK {
		return nil
	}
	hint := "infra fleet resume " + r.ID + place
	if r.Count(fleet.Failed) > 0 {
		hint += " --retry-failed, when what failed was mended"
	}
	return fault.New(code, "roll-out "+r.ID, errors.New(unfinished(r, now)), hint)
}

// unfinished says what a roll-out has not done.
func unfinished(r *fleet.Rollout, now time.Time) string {
	if why := r.Stopped(); why != "" {
		return "stopped: " + why
	}
	counts := report.Fleet(r, now).Counts
	text := ""
	for _, word := range []string{"failed", "interrupted", "deferred", "not begun", "running"} {
		if n := counts[word]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, word)
		}
	}
	return fmt.Sprintf("%d of %d done%s", r.Count(fleet.Done), len(r.Environments), text)
}
