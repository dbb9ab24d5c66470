package provision

import (
	"context"
	"errors"
	"fmt"
	"os"

	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/state"
	"infra/internal/terraform"
)

// The verbs that replace a state.
const (
	verbEdit    = "edit"
	verbMove    = "mv"
	verbRemove  = "rm"
	verbImport  = "import"
	verbRestore = "restore"
)

// Editor lets somebody change the file at path. After the first time problems
// says what is wrong with what was written; an error ends the edit.
type Editor func(ctx context.Context, path string, problems []state.Problem) error

// EditState is the safe form of editing a state by hand: edit changes a copy,
// which is checked, planned with and approved before it takes the state's
// place. What was written is kept when it comes to nothing. file, when not
// empty, is such a state: it is taken instead, and left where it is.
func (p *Platform) EditState(ctx context.Context, product, file string, wait run.Wait, edit Editor, approve ApproveState) (*StateResult, error) {
	path := p.Run.File(product + ".edited.json")
	if file != "" {
		edit = fromFile(file)
	}
	var before []byte
	result, err := p.replaceState(ctx, stateChange{
		verb: verbEdit, product: product, wait: wait, explain: explainEdit, approve: approve,
		make: func(ctx context.Context, current *state.State, _ func() (*candidate, error)) ([]byte, error) {
			before = current.Raw
			return p.edited(ctx, path, current, edit)
		},
	})
	raw, readErr := os.ReadFile(path)
	switch {
	case readErr != nil: // nobody got as far as editing
		return result, err
	case err == nil || file != "" || state.Same(before, raw):
		return result, errors.Join(err, os.Remove(path)) // secrets are in clear in it
	default:
		return result, fault.New(fault.CodeOf(err), "", fmt.Errorf("%w\nwhat was written is kept in %s", err, path),
			fmt.Sprintf("infra state edit %s --product %s --file %s, or delete that file: secrets are in clear in it", p.Env.Name(), product, path))
	}
}

// edited lets the editor work on the state until it is sound.
func (p *Platform) edited(ctx context.Context, path string, current *state.State, edit Editor) ([]byte, error) {
	if err := os.WriteFile(path, current.Raw, 0o600); err != nil {
		return nil, fault.New(fault.Failed, "write the state for the editor", err, "df -h "+p.Run.Dir)
	}
	before := state.Check(current.Raw)
	var problems []state.Problem
	for {
		if err := edit(ctx, path, problems); err != nil {
			return nil, err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.New(fault.Failed, "read what the editor wrote", err, "")
		}
		if problems = state.Added(before, state.Check(raw)); len(problems) == 0 {
			return raw, nil
		}
	}
}

// fromFile is the Editor that takes a state from a file that was edited
// before. The file must be of the state as it is now.
func fromFile(file string) Editor {
	return func(_ context.Context, path string, problems []state.Problem) error {
		op := "take the state from " + file
		if len(problems) > 0 {
			return fault.New(fault.Refused, op, errors.New("it is not sound:\n  "+problemLines(problems)), "mend "+file+" and try again")
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return fault.New(fault.Usage, op, err, "")
		}
		now, err := os.ReadFile(path)
		if err != nil {
			return fault.New(fault.Failed, op, err, "")
		}
		then, err := state.Parse(raw)
		if err == nil { // otherwise the check that follows says what and where
			current, err := state.Parse(now)
			if err == nil && then.Lineage == current.Lineage && then.Serial != current.Serial {
				return fault.New(fault.Refused, op, fmt.Errorf("it was made from serial %d, the state has serial %d now", then.Serial, current.Serial), "edit the state as it is now")
			}
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			return fault.New(fault.Failed, op, err, "")
		}
		return nil
	}
}

// changed is the state after Terraform has changed a copy of it.
func changed(try func() (*candidate, error), change func(*terraform.Workspace) error) ([]byte, error) {
	c, err := try()
	if err != nil {
		return nil, err
	}
	if err := change(c.after); err != nil {
		return nil, err
	}
	raw, err := c.state()
	if err != nil {
		return nil, fault.New(fault.Failed, "read the changed state of "+c.after.Name, err, "")
	}
	return raw, nil
}

// MoveState gives what the state has at one address another address.
func (p *Platform) MoveState(ctx context.Context, product, from, to string, wait run.Wait, approve ApproveState) (*StateResult, error) {
	return p.replaceState(ctx, stateChange{
		verb: verbMove, product: product, wait: wait, explain: explainMove(from, to), approve: approve,
		make: func(ctx context.Context, _ *state.State, try func() (*candidate, error)) ([]byte, error) {
			return changed(try, func(w *terraform.Workspace) error { return w.Move(ctx, from, to) })
		},
	})
}

// RemoveState makes the state forget addresses; what they name stays in the
// cloud.
func (p *Platform) RemoveState(ctx context.Context, product string, addresses []string, wait run.Wait, approve ApproveState) (*StateResult, error) {
	return p.replaceState(ctx, stateChange{
		verb: verbRemove, product: product, wait: wait, explain: explainRemove(p.Env.Name()), approve: approve,
		make: func(ctx context.Context, _ *state.State, try func() (*candidate, error)) ([]byte, error) {
			return changed(try, func(w *terraform.Workspace) error { return w.Remove(ctx, addresses) })
		},
	})
}

// ImportState takes a thing that exists in the cloud into the state, at an
// address that the code has.
func (p *Platform) ImportState(ctx context.Context, product, address, id string, wait run.Wait, approve ApproveState) (*StateResult, error) {
	return p.replaceState(ctx, stateChange{
		verb: verbImport, product: product, wait: wait, explain: explainImport(address), approve: approve,
		make: func(ctx context.Context, _ *state.State, try func() (*candidate, error)) ([]byte, error) {
			return changed(try, func(w *terraform.Workspace) error { return w.Import(ctx, address, id) })
		},
	})
}

// RestoreState puts an earlier version of a state in the place of the one
// that is there, which may be missing or broken. Without a version it takes
// the newest good one, and then only if the state cannot be used.
func (p *Platform) RestoreState(ctx context.Context, product, versionID string, wait run.Wait, approve ApproveState) (*StateResult, error) {
	wait.Repair = true // it is what an open run may need before it can be recovered
	return p.replaceState(ctx, stateChange{
		verb: verbRestore, product: product, wait: wait, explain: explainRestore, approve: approve,
		make: func(ctx context.Context, current *state.State, _ func() (*candidate, error)) ([]byte, error) {
			key, op := p.stack(product).StateKey(), "restore the state of "+p.stack(product).String()
			history := fmt.Sprintf("infra state history %s --product %s", p.Env.Name(), product)
			if versionID == "" {
				if current != nil {
					return nil, fault.New(fault.Usage, op, errors.New("the state can be read, so the version to go back to must be named"), history)
				}
				var err error
				if versionID, err = p.lastGood(ctx, product); err != nil {
					return nil, err
				}
				p.con.Step("%s: going back to version %s", p.stack(product), versionID)
			}
			s, err := p.bucket.ReadVersion(ctx, key, versionID)
			switch {
			case errors.Is(err, state.ErrAbsent):
				return nil, fault.New(fault.Usage, op, fmt.Errorf("there is no version %q of it", versionID), history)
			case errors.Is(err, state.ErrEmpty), errors.Is(err, state.ErrCorrupt):
				return nil, fault.New(fault.Refused, op, fmt.Errorf("version %s is no good: %w", versionID, err), history)
			case err != nil:
				return nil, err
			}
			return s.Raw, nil
		},
	})
}

// goodVersions is how many versions are looked through for a good one.
const goodVersions = 50

// lastGood is the newest version of a state that can be read and is of the
// lineage that the ledger knows.
func (p *Platform) lastGood(ctx context.Context, product string) (string, error) {
	s := p.stack(product)
	versions, err := p.bucket.History(ctx, s.StateKey(), goodVersions)
	if err != nil {
		return "", err
	}
	known, ok := p.lease.Head().Stacks[s.String()]
	for _, v := range versions {
		if v.Problem == "" && !v.Deleted && (!ok || v.Lineage == known.Lineage) {
			return v.VersionID, nil
		}
	}
	return "", fault.New(fault.Failed, "restore the state of "+s.String(), fmt.Errorf("none of the newest %d versions is a state that can be used", len(versions)),
		fmt.Sprintf("infra state history %s --product %s --limit 1000", p.Env.Name(), product))
}
