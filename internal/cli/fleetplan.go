package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/rollout"
)

func newFleetPlanCommand(g *globals) *cobra.Command {
	var o fleetSelection
	cmd := describe(&cobra.Command{
		Use:   "plan",
		Short: "Show what apply would change in many environments: counts, a row each",
		Long: `Plans the selected environments side by side, as far as cores and memory allow, and shows the counts of each. Nothing is
changed. With --output json the whole plan of each is there. When they failed in different ways, the exit code is 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFleetPlan(cmd.Context(), g, o) },
	}, "  infra fleet plan --env 'customers/*'\n  infra fleet plan --label tier=gold --parallel 8 --output json | jq '.environments[] | {environment, counts}'",
		fault.Differences, fault.Refused, fault.Locked)
	fleetSelectionFlags(cmd, &o)
	fleetProductFlag(cmd, &o)
	return cmd
}

func runFleetPlan(ctx context.Context, g *globals, o fleetSelection) error {
	project, chosen, err := o.choose(g)
	if err != nil {
		return err
	}
	doc, err := planFleet(ctx, g, project, environmentNames(chosen), width(o.parallel, o.products), o.arguments())
	if err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		_, err = io.WriteString(g.con.Out(), report.FleetPlanText(doc))
	}
	if err != nil {
		return err
	}
	switch code := doc.Code(); code {
	case fault.OK:
		return nil
	case fault.Differences:
		return errDifferences
	default:
		return fault.New(code, "plan the selected environments", fmt.Errorf("not all of them could be planned: %s", firstProblems(doc)), "infra plan ENV, for one of them alone")
	}
}

// firstProblems names those that could not be planned.
func firstProblems(doc report.FleetPlanDocument) string {
	text := ""
	for _, p := range doc.Environments {
		if p.Error != nil {
			text += "\n  " + p.Environment + ": " + p.Error.Message
			if p.Error.Hint != "" {
				text += "\n    next: " + p.Error.Hint
			}
		}
	}
	return text
}

// planFleet plans environments side by side, width at once.
func planFleet(ctx context.Context, g *globals, project string, names []string, width int, arguments []string) (report.FleetPlanDocument, error) {
	infra, err := g.self(project)
	if err != nil {
		return report.FleetPlanDocument{}, err
	}
	plans := make([]report.FleetPlan, len(names))
	err = g.beside(ctx, infra, "planning", names, width, func(name string) []string {
		return slices.Concat([]string{"plan", name}, arguments)
	}, func(at int, a rollout.Answer) {
		plan := &plans[at]
		*plan = report.FleetPlan{Environment: names[at], Counts: map[string]int{}}
		var doc report.PlanDocument
		if err := json.Unmarshal(a.Out, &doc); err == nil { // one that a guard refuses has its plan all the same
			plan.Fill(doc)
		}
		if a.Failed() {
			plan.Error = &report.Problem{Code: a.Exit, Message: a.Error, Hint: a.Hint}
		}
	})
	return report.FleetPlans(plans), err
}
