package report

import (
	"fmt"
	"slices"
	"strings"

	"infra/internal/provision"
	"infra/internal/state"
	"infra/internal/terraform"
)

// StateChange is `infra state edit|mv|rm|import|restore --output json`.
type StateChange struct {
	Schema      string             `json:"schema"` // infra/state-change/v1
	Environment string             `json:"environment"`
	Product     string             `json:"product"`
	Verb        string             `json:"verb"`
	Run         string             `json:"run"`
	Was         *StateVersion      `json:"was,omitempty"` // missing when there was none that could be read
	Now         StateVersion       `json:"now"`
	Differences []state.Difference `json:"differences"` // sensitive values are masked
	Before      []Change           `json:"before"`      // what an apply would have done
	After       []Change           `json:"after"`       // what the next apply would do
	Explanation []string           `json:"explanation"`
}

// StateVersion names one version of a state.
type StateVersion struct {
	Lineage   string `json:"lineage"`
	Serial    uint64 `json:"serial"`
	VersionID string `json:"version_id"` // of the S3 object
	SHA256    string `json:"sha256"`
}

// VersionOf names a state for documents; nil for none.
func VersionOf(s *state.State) *StateVersion {
	if s == nil {
		return nil
	}
	return &StateVersion{Lineage: s.Lineage, Serial: s.Serial, VersionID: s.VersionID, SHA256: s.SHA256}
}

// StateChanged makes the document of a state that was replaced.
func StateChanged(run string, r *provision.StateResult) StateChange {
	doc := StateChange{
		Schema: "infra/state-change/v1", Environment: r.Change.Stack.Environment, Product: r.Change.Stack.Product, Verb: r.Change.Verb, Run: run,
		Was: VersionOf(r.Was), Now: *VersionOf(r.Now), Differences: r.Change.Differences,
		Before: changes(r.Change.Before.Changes), After: changes(r.Change.After.Changes), Explanation: r.Change.Explanation,
	}
	if doc.Differences == nil {
		doc.Differences = []state.Difference{}
	}
	return doc
}

// differencesShown is how many differences of two states are listed before the
// rest is counted.
const differencesShown = 40

// StateChangeText shows to people what a state would become and what that
// means for the next apply.
func StateChangeText(c provision.StateChange, all bool) string {
	var b strings.Builder
	if c.Known {
		fmt.Fprintf(&b, "\n%s: state %s, serial %d -> %d\n", c.Stack, c.Verb, c.From, c.To)
	} else {
		fmt.Fprintf(&b, "\n%s: state %s, serial %d in place of what cannot be read\n", c.Stack, c.Verb, c.To)
	}
	shown := c.Differences
	if !all {
		// Terraform drops dependencies as it moves things, and finds them again.
		shown = slices.DeleteFunc(slices.Clone(shown), func(d state.Difference) bool { return d.Path == state.Dependencies })
		shown = shown[:min(len(shown), differencesShown)]
	}
	b.WriteString(indent(state.Lines(shown)))
	if hidden := len(c.Differences) - len(shown); hidden > 0 {
		fmt.Fprintf(&b, "  and %d more (--verbose lists them)\n", hidden)
	}
	if len(c.Differences) == 0 {
		b.WriteString("  the same resources with the same values\n")
	}
	if c.Known {
		b.WriteString("\nplan with the state as it is: " + planned(c, c.Before, all))
	}
	b.WriteString("\nplan with the new state: " + planned(c, c.After, all))
	b.WriteString("\nwhat that means:\n")
	for _, sentence := range c.Explanation {
		b.WriteString("  - " + sentence + "\n")
	}
	return b.String()
}

// planned is a plan's summary and its changes, without the stack's name.
func planned(c provision.StateChange, plan terraform.Plan, all bool) string {
	one := &provision.StackPlan{Stack: c.Stack, Plan: plan}
	text := one.Summary() + "\n"
	if _, lines, found := strings.Cut(strings.TrimPrefix(PlanText(&provision.Plans{Stacks: []*provision.StackPlan{one}}, all), "\n"), "\n"); found {
		text += lines
	}
	return text
}

func indent(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		b.WriteString("  " + line)
	}
	return b.String()
}
