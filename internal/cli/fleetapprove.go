package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/report"
)

// planKept is how long the plans of a roll-out may be applied: a wave may wait
// for a maintenance window.
const planKept = "168h"

// approveFleet plans what nobody has approved yet, shows what would change, and
// asks once for all. The plans are kept, so that exactly they are applied. What
// cannot be planned has failed.
func approveFleet(ctx context.Context, g *globals, project string, r *fleet.Rollout, width int) error {
	names := r.Unapproved()
	if len(names) == 0 {
		return nil
	}
	if !g.con.Asks() { // before minutes of planning for a question that nobody can answer
		return needsTerminal(console.ErrNoTerminal, "infra fleet plan, then the same command with --auto-approve")
	}
	doc, err := planFleet(ctx, g, project, names, width, slices.Concat(r.Arguments, []string{"--out", "s3", "--valid-for", planKept}))
	if err != nil {
		return err
	}
	g.con.Print("\n" + report.FleetPlanText(doc))
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "plan the selected environments", context.Cause(ctx), "")
	}
	if err := takePlans(r, doc); err != nil {
		return err
	}
	if why := r.Stopped(); why != "" {
		return fault.New(fault.Refused, "roll out what could not be planned", errors.New(why+firstProblems(doc)), "mend it, or leave it out of the selection")
	}
	if doc.Failed {
		g.con.Warn("counts as failed:%s", firstProblems(doc))
	}
	return g.con.Confirm("\nApply this to "+console.Count(len(r.Environments)-r.Count(fleet.Failed)-r.Count(fleet.Done), "environment")+"?", "yes")
}

// takePlans notes which plan of each environment would be applied.
func takePlans(r *fleet.Rollout, doc report.FleetPlanDocument) error {
	host, _ := os.Hostname() // only for people
	for _, p := range doc.Environments {
		switch {
		case p.Error != nil:
			if err := r.Refuse(p.Environment, fleet.Outcome{Exit: p.Error.Code, Error: "its plan: " + p.Error.Message, Hint: p.Error.Hint, Worker: host}, time.Now()); err != nil {
				return err
			}
		case p.Plan == nil || p.Plan.Bundle == nil:
			return fmt.Errorf("plan %s: it says nothing about where its plan is kept", p.Environment)
		default:
			if err := r.Approve(p.Environment, p.Plan.Bundle.Place); err != nil {
				return err
			}
		}
	}
	return nil
}
