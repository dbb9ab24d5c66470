package ci

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"infra/internal/affected"
	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/report"
)

// The schemas of what the commands print as JSON.
const (
	AffectedSchema = "infra/ci-affected/v1"
	PlanSchema     = "infra/ci-plan/v1"
	ApplySchema    = "infra/ci-apply/v1"
)

// Affected is `infra ci affected --output json`.
type Affected struct {
	Schema       string                 `json:"schema"`
	Base         string                 `json:"base"`   // commit that was compared with; empty: everything is new
	Commit       string                 `json:"commit"` // of HEAD
	Paths        int                    `json:"paths"`  // that differ
	Environments []affected.Environment `json:"environments"`
	Removed      []string               `json:"removed"` // environments whose file is gone, acknowledged
}

// Plan is `infra ci plan --output json`.
type Plan struct {
	Schema       string        `json:"schema"`
	Base         string        `json:"base"`
	Commit       string        `json:"commit"`
	Exit         int           `json:"exit"` // the worst of all
	Environments []Environment `json:"environments"`
	Removed      []string      `json:"removed"`
}

// Environment is one environment of a Plan.
type Environment struct {
	Name    string               `json:"environment"`
	File    string               `json:"file"` // of its settings
	Exit    int                  `json:"exit"`
	Seconds float64              `json:"seconds"`
	Change  affected.Environment `json:"change"`                  // what of it the change concerns
	Content string               `json:"content,omitempty"`       // digest of all that it is made of
	Plan    *report.PlanDocument `json:"plan,omitempty"`          // missing when there is none
	Diffs   map[string]string    `json:"diffs,omitempty"`         // stack -> Terraform's own words
	Hosts   []string             `json:"hosts"`                   // that are configured anew, by name
	Tasks   []drift.TaskChange   `json:"tasks"`                   // that would change hosts which exist
	Unasked string               `json:"hosts_unasked,omitempty"` // why hosts were not asked, or not all of them
	Error   *Problem             `json:"error,omitempty"`
}

// Unplanned is an environment of which nothing is known yet.
func Unplanned(name, file string) Environment {
	return Environment{Name: name, File: file, Hosts: []string{}, Tasks: []drift.TaskChange{}}
}

// Problem is why something could not be done, and what to type.
type Problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Apply is `infra ci apply --output json`.
type Apply struct {
	Schema       string    `json:"schema"`
	Base         string    `json:"base"`
	Commit       string    `json:"commit"`
	Exit         int       `json:"exit"`
	Environments []Applied `json:"environments"`
	Removed      []string  `json:"removed"`
}

// Applied is one environment of an Apply.
type Applied struct {
	Name    string              `json:"environment"`
	File    string              `json:"file"`
	Exit    int                 `json:"exit"`
	Seconds float64             `json:"seconds"`
	Content string              `json:"content,omitempty"`
	Bundle  string              `json:"bundle,omitempty"` // what was approved
	Run     *report.RunDocument `json:"run,omitempty"`
	Error   *Problem            `json:"error,omitempty"`
}

// Explain is an error as a Problem; nil for none.
func Explain(err error) *Problem {
	if err == nil {
		return nil
	}
	return &Problem{Message: err.Error(), Hint: fault.HintOf(err)}
}

// Worst is the exit code of several: the one that says most about what needs
// a person.
func Worst(codes ...fault.Code) fault.Code {
	order := []fault.Code{
		fault.OK, fault.Differences, fault.Locked, fault.Hosts, fault.Refused, fault.Usage, fault.Failed, fault.Interrupted, fault.StateNotSaved,
	}
	worst := fault.OK
	for _, code := range codes {
		if slices.Index(order, code) > slices.Index(order, worst) {
			worst = code
		}
	}
	return worst
}

// Since is how long something took, in seconds to the tenth.
func Since(started time.Time) float64 {
	return time.Since(started).Round(100 * time.Millisecond).Seconds()
}

// Join makes one plan of those of several jobs. They must be of the same
// commit.
func Join(plans ...Plan) (Plan, error) {
	all := Plan{Schema: PlanSchema, Environments: []Environment{}, Removed: []string{}}
	var codes []fault.Code
	for i, p := range plans {
		if i == 0 {
			all.Base, all.Commit = p.Base, p.Commit
		}
		if p.Commit != all.Commit {
			return all, fmt.Errorf("the plans are of different commits, %s and %s", all.Commit, p.Commit)
		}
		for _, e := range p.Environments {
			if slices.ContainsFunc(all.Environments, func(other Environment) bool { return other.Name == e.Name }) {
				return all, fmt.Errorf("environment %s is in two of the plans", e.Name)
			}
			all.Environments = append(all.Environments, e)
			codes = append(codes, fault.Code(e.Exit))
		}
		for _, name := range p.Removed {
			if !slices.Contains(all.Removed, name) {
				all.Removed = append(all.Removed, name)
			}
		}
	}
	slices.SortFunc(all.Environments, func(a, b Environment) int { return cmp.Compare(a.Name, b.Name) })
	all.Exit = int(Worst(codes...))
	return all, nil
}

// ReadPlan reads what `infra ci plan --output json` has printed.
func ReadPlan(path string) (Plan, error) {
	var p Plan
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err == nil && p.Schema != PlanSchema {
		err = errors.New("it is no " + PlanSchema)
	}
	if err != nil {
		return p, fault.New(fault.Usage, "read the plan "+path, err, "infra ci plan --output json > "+path)
	}
	return p, nil
}

// Shown passes every text that comes from elsewhere through a filter, before
// Markdown or XML give it another spelling in which a secret is not seen.
func (p Plan) Shown(filter func(string) string) Plan {
	p.Environments = slices.Clone(p.Environments)
	for i := range p.Environments {
		e := &p.Environments[i]
		e.Error, e.Unasked, e.Tasks = e.Error.shown(filter), filter(e.Unasked), slices.Clone(e.Tasks)
		for j, t := range e.Tasks {
			e.Tasks[j] = drift.TaskChange{Host: t.Host, Play: filter(t.Play), Task: filter(t.Task), File: filter(t.File)}
		}
		diffs := map[string]string{}
		for stack, text := range e.Diffs {
			diffs[stack] = filter(text)
		}
		e.Diffs = diffs
		if e.Plan == nil {
			continue
		}
		plan := *e.Plan
		plan.Stacks = slices.Clone(plan.Stacks)
		for j := range plan.Stacks {
			s := &plan.Stacks[j]
			s.Deferred, s.Changes = filter(s.Deferred), slices.Clone(s.Changes)
			for k := range s.Changes {
				s.Changes[k].Address, s.Changes[k].Reason = filter(s.Changes[k].Address), filter(s.Changes[k].Reason)
			}
		}
		e.Plan = &plan
	}
	return p
}

// Shown does the same for an apply.
func (a Apply) Shown(filter func(string) string) Apply {
	a.Environments = slices.Clone(a.Environments)
	for i := range a.Environments {
		a.Environments[i].Error = a.Environments[i].Error.shown(filter)
	}
	return a
}

func (p *Problem) shown(filter func(string) string) *Problem {
	if p == nil {
		return nil
	}
	return &Problem{filter(p.Message), filter(p.Hint)}
}

// Has tells whether an environment is in the plan.
func (p Plan) Has(environment string) bool {
	return slices.ContainsFunc(p.Environments, func(e Environment) bool { return e.Name == environment })
}
