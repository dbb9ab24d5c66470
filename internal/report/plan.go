// Package report tells what would happen and what happened: text for people,
// versioned JSON for programs.
package report

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"infra/internal/guard"
	"infra/internal/provision"
)

// PlanDocument is `infra plan --output json`.
type PlanDocument struct {
	Schema      string      `json:"schema"` // infra/plan/v1
	Environment string      `json:"environment"`
	Differences bool        `json:"differences"`
	Stacks      []StackPlan `json:"stacks"`
	Bundle      *Bundle     `json:"bundle,omitempty"` // with --out
}

// Bundle is where the plans of a PlanDocument were kept.
type Bundle struct {
	Place   string    `json:"place"`  // what `infra apply --plan` takes
	Digest  string    `json:"sha256"` // of the bundle, hex
	Expires time.Time `json:"expires"`
}

// StackPlan is one stack of a PlanDocument.
type StackPlan struct {
	Stack          string   `json:"stack"`
	Deferred       string   `json:"deferred,omitempty"` // why it could not be planned yet
	OutputsChange  bool     `json:"outputs_change"`
	Changes        []Change `json:"changes"`
	ChangedOutside []Change `json:"changed_outside"` // drift: what somebody else changed
}

// Change is one resource of a StackPlan.
type Change struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	Action  string `json:"action"`
	Reason  string `json:"reason,omitempty"`
}

// Plan makes the document of plans.
func Plan(environment string, plans *provision.Plans, kept provision.Kept) PlanDocument {
	doc := PlanDocument{Schema: "infra/plan/v1", Environment: environment, Differences: !plans.Empty(), Stacks: []StackPlan{}}
	if kept.Place != "" {
		doc.Bundle = &Bundle{Place: kept.Place, Digest: kept.Digest, Expires: kept.Expires}
	}
	for _, s := range plans.Stacks {
		doc.Stacks = append(doc.Stacks, StackPlan{
			Stack: s.Stack.String(), Deferred: s.Deferred, OutputsChange: s.Outputs,
			Changes: changes(s.Changes), ChangedOutside: changes(s.Drift),
		})
	}
	return doc
}

func changes(from []guard.Change) []Change {
	to := make([]Change, 0, len(from))
	for _, c := range from {
		to = append(to, Change{Address: c.Address, Type: c.Type, Action: string(c.Action), Reason: c.Reason})
	}
	return to
}

// rank orders actions by what they can cost, what destroys first, and gives
// the sign that stands in front of an address.
func rank(a guard.Action) (order int, sign string) {
	switch a {
	case guard.Delete:
		return 0, "-"
	case guard.Replace:
		return 1, "±"
	case guard.Forget:
		return 2, "x"
	case guard.Update:
		return 3, "~"
	case guard.Move:
		return 4, ">"
	case guard.Import:
		return 5, "<"
	default:
		return 6, "+"
	}
}

// createsShown is how many creations are listed before the rest is counted.
const createsShown = 12

// PlanText shows plans to people: destroys and replaces first; a long list
// of creations is cut unless all is asked for.
func PlanText(plans *provision.Plans, all bool) string {
	var b strings.Builder
	for _, s := range plans.Stacks {
		if s.Deferred == "" && s.Empty() {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s\n", s.Stack, s.Summary())
		for _, c := range s.Drift {
			// Much of it is a provider writing an empty value another way: it is
			// of interest to whoever asks for it.
			if all || plans.RefreshOnly() {
				fmt.Fprintf(&b, "  ! %s is not as the state says (%s)\n", c.Address, c.Action)
			}
		}
		sorted := append([]guard.Change(nil), s.Changes...)
		sort.SliceStable(sorted, func(i, j int) bool {
			left, _ := rank(sorted[i].Action)
			right, _ := rank(sorted[j].Action)
			if left != right {
				return left < right
			}
			return sorted[i].Address < sorted[j].Address
		})
		creates := 0
		for _, c := range sorted {
			if c.Action == guard.Create {
				creates++
				if !all && creates > createsShown {
					continue
				}
			}
			_, sign := rank(c.Action)
			line := fmt.Sprintf("  %s %s", sign, c.Address)
			if c.Reason != "" {
				line += " (" + strings.ReplaceAll(c.Reason, "_", " ") + ")"
			}
			b.WriteString(line + "\n")
		}
		if hidden := creates - createsShown; !all && hidden > 0 {
			fmt.Fprintf(&b, "  + and %d more to create (--verbose lists them)\n", hidden)
		}
	}
	return b.String()
}
