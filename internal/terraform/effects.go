package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/state"
)

// Effects are what a plan file would do, so that two plans can be compared: of
// each resource and output the action and a digest of the rest. The file may be
// anybody's.
func (w *Workspace) Effects(ctx context.Context, file string) ([]guard.Effect, error) {
	plan, err := w.read(ctx, file)
	if err != nil {
		return nil, err
	}
	found, err := effects(plan)
	if err != nil {
		return nil, fault.New(fault.Failed, "read the plan of "+w.Name, err, "")
	}
	return found, nil
}

func effects(plan *tfjson.Plan) ([]guard.Effect, error) {
	var found []guard.Effect
	for _, r := range plan.ResourceChanges {
		switch {
		case r.Change == nil:
			return nil, fmt.Errorf("%s has no change", r.Address)
		case r.Change.Actions.NoOp() && r.PreviousAddress == "" && r.Change.Importing == nil:
			continue
		}
		e, err := effectOf(r.Address, r.Change, thing{
			Previous: r.PreviousAddress, Deposed: r.DeposedKey, Mode: string(r.Mode), Type: r.Type, Provider: r.ProviderName,
		})
		if err != nil {
			return nil, err
		}
		if r.Change.Actions.NoOp() {
			e.Action = guard.Move
			if r.Change.Importing != nil {
				e.Action = guard.Import
			}
		}
		found = append(found, e)
	}
	for name, change := range plan.OutputChanges {
		if change.Actions.NoOp() {
			continue
		}
		e, err := effectOf("output."+name, change, thing{})
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// thing is what a change is made to, beside its address.
type thing struct{ Previous, Deposed, Mode, Type, Provider string }

// effectOf digests one change. Values that stay as they are do not count: some
// are others whenever they are looked at (the last moment that a database can
// be restored to), and nothing would be done to them. What only an apply knows
// counts as such, and so does what is called sensitive, with its value.
func effectOf(address string, c *tfjson.Change, of thing) (guard.Effect, error) {
	replace := make([]string, 0, len(c.ReplacePaths))
	for _, path := range c.ReplacePaths {
		text, err := json.Marshal(path)
		if err != nil {
			return guard.Effect{}, fmt.Errorf("%s: %w", address, err)
		}
		replace = append(replace, string(text))
	}
	slices.Sort(replace) // a set
	text, err := json.Marshal(struct {
		Thing               thing
		Actions             tfjson.Actions
		Values              []state.Difference
		Unknown, Was, Stays []string // paths: known after the apply, sensitive before it, sensitive after it
		Replace             []string
		Import              *tfjson.Importing
	}{of, c.Actions, state.Altered(c.Before, c.After), marked(c.AfterUnknown), marked(c.BeforeSensitive), marked(c.AfterSensitive), replace, c.Importing})
	if err != nil {
		return guard.Effect{}, fmt.Errorf("%s: %w", address, err)
	}
	sum := sha256.Sum256(text)
	return guard.Effect{Address: address, Action: actionOf(c.Actions), Digest: hex.EncodeToString(sum[:])}, nil
}

func marked(mark any) []string {
	paths := state.Marked(mark)
	slices.Sort(paths)
	return paths
}

// actionOf is a plan's action in the words of its events. One that is not known
// keeps its own.
func actionOf(actions tfjson.Actions) guard.Action {
	switch {
	case actions.Replace():
		return guard.Replace
	case len(actions) == 1:
		return guard.Action(actions[0])
	default:
		return guard.Action(fmt.Sprint(actions))
	}
}
