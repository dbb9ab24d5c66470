package report

import (
	"fmt"
	"strings"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
)

// FleetPlanDocument is infra fleet plan --output json.
type FleetPlanDocument struct {
	Schema       string      `json:"schema"` // infra/fleet-plan/v1
	Differences  bool        `json:"differences"`
	Failed       bool        `json:"failed"` // something could not be planned
	Environments []FleetPlan `json:"environments"`
}

// FleetPlan is the plan of one environment of many.
type FleetPlan struct {
	Environment string         `json:"environment"`
	Counts      map[string]int `json:"counts"` // action -> resources
	Plan        *PlanDocument  `json:"plan,omitempty"`
	Error       *Problem       `json:"error,omitempty"`
}

// Fill takes over a plan, and counts.
func (p *FleetPlan) Fill(doc PlanDocument) {
	p.Plan = &doc
	for _, s := range doc.Stacks {
		for _, c := range s.Changes {
			p.Counts[c.Action]++
		}
	}
}

// FleetPlans makes the document of many plans.
func FleetPlans(plans []FleetPlan) FleetPlanDocument {
	doc := FleetPlanDocument{Schema: "infra/fleet-plan/v1", Environments: plans}
	for _, p := range plans {
		doc.Differences = doc.Differences || p.Plan != nil && p.Plan.Differences
		doc.Failed = doc.Failed || p.Error != nil
	}
	return doc
}

// Code is the exit code of many plans, by the rule of a report on drift.
func (d FleetPlanDocument) Code() fault.Code {
	var problems []*Problem
	for _, p := range d.Environments {
		problems = append(problems, p.Error)
	}
	return worst(problems, d.Differences)
}

// FleetPlanText shows what many plans would change, a row an environment.
func FleetPlanText(doc FleetPlanDocument) string {
	actions := []guard.Action{guard.Delete, guard.Replace, guard.Update, guard.Create}
	rows := [][]string{{"ENVIRONMENT", "DESTROY", "REPLACE", "CHANGE", "CREATE", "NOTE"}}
	for _, p := range doc.Environments {
		row := []string{p.Environment}
		for _, action := range actions {
			cell := ""
			if n := p.Counts[string(action)]; n > 0 {
				cell = fmt.Sprint(n)
			}
			row = append(row, cell)
		}
		rows = append(rows, append(row, fleetPlanNote(p)))
	}
	var b strings.Builder
	console.Table(&b, "  ", rows...)
	return b.String()
}

func fleetPlanNote(p FleetPlan) string {
	if p.Error != nil {
		return "error: " + firstLine(p.Error.Message)
	}
	if p.Plan == nil {
		return ""
	}
	for _, s := range p.Plan.Stacks {
		if s.Deferred != "" {
			return s.Stack + " is planned when it is applied: " + s.Deferred
		}
	}
	if !p.Plan.Differences {
		return "no changes"
	}
	return ""
}
