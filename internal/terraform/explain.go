package terraform

import (
	"context"
	"slices"
	"strings"

	"infra/internal/drift"
	"infra/internal/guard"
	"infra/internal/state"
)

// Details are the values that differ, by the address of the resource.
type Details struct {
	Outside map[string][]drift.Attribute // against what the state says
	Planned map[string][]drift.Attribute // against what exists
}

// Explain reads from a plan file which values differ: Terraform's events name
// resources only. What is sensitive is masked.
func (w *Workspace) Explain(ctx context.Context, file string) (Details, error) {
	plan, err := w.read(ctx, file)
	if err != nil {
		return Details{}, err
	}
	d := Details{Outside: map[string][]drift.Attribute{}, Planned: map[string][]drift.Attribute{}}
	for _, c := range plan.ResourceDrift {
		if c.Change != nil {
			d.Outside[c.Address] = attributes(c.Change.Before, c.Change.After, nil, c.Change.BeforeSensitive, c.Change.AfterSensitive)
		}
	}
	for _, c := range plan.ResourceChanges {
		if c.Change != nil && !c.Change.Actions.NoOp() {
			d.Planned[c.Address] = attributes(c.Change.Before, c.Change.After, c.Change.AfterUnknown, c.Change.BeforeSensitive, c.Change.AfterSensitive)
		}
	}
	return d, nil
}

// attributes are the values that differ. Those that are known only after an
// apply count as different: a plan does not say more.
func attributes(before, after, unknown any, sensitive ...any) []drift.Attribute {
	if before == nil || after == nil { // made or deleted as a whole
		return nil
	}
	open := state.Marked(unknown)
	var found []drift.Attribute
	for _, d := range state.Planned(before, after, sensitive...) {
		a := drift.Attribute{Path: d.Path, Before: d.Before, After: d.After}
		if a.Unknown = slices.ContainsFunc(open, func(root string) bool { return beneath(root, d.Path) }); a.Unknown {
			a.After = ""
		}
		found = append(found, a)
	}
	return found
}

func beneath(root, path string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || root == "" || strings.IndexByte(".[", rest[0]) >= 0)
}

// Detailed tells whether the plan file says more than the events did: what is
// only made or deleted has no values that differ.
func (p Plan) Detailed() bool {
	return len(p.Drift) > 0 || slices.ContainsFunc(p.Changes, func(c guard.Change) bool { return c.Action == guard.Update || c.Action == guard.Replace })
}
