package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
)

// Pushed is a state that Terraform could not save and that is in S3 now.
type Pushed struct {
	Stack stack.Stack
	File  string // where it was; it is gone
	State *state.State
	Was   *state.State // what was there; nil for nothing that could be read
}

// unsaved is a state that Terraform could not save, on this machine.
type unsaved struct {
	product string
	file    string
	state   *state.State
}

// PushErrored puts the states that Terraform could not save where they belong,
// and closes the run that could not save them. files are looked for among the
// runs of this checkout when none are given; their names say which stack they
// are of. A state that somebody has written since is left alone.
func (p *Platform) PushErrored(ctx context.Context, files []string, wait run.Wait) (pushed []Pushed, err error) {
	wait.Repair = true
	err = p.Change(ctx, "state push-errored", wait, func(ctx context.Context) error {
		if len(files) == 0 {
			if files, err = p.unsavedFiles(); err != nil {
				return err
			}
		}
		if len(files) == 0 {
			return p.nothingUnsaved(ctx)
		}
		states, err := p.unsavedStates(files)
		if err != nil {
			return err
		}
		for _, u := range states {
			one, err := p.push(ctx, u, wait)
			if err != nil {
				return err
			}
			pushed = append(pushed, *one)
		}
		return p.settleUnsaved(ctx)
	})
	return pushed, err
}

// unsavedFiles are those of all runs of the environment in this checkout.
func (p *Platform) unsavedFiles() ([]string, error) {
	parent := filepath.Dir(p.Run.Dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil, fault.New(fault.Failed, "look for states that could not be saved", err, "")
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		found, err := run.Unsaved(filepath.Join(parent, e.Name()))
		if err != nil {
			return nil, fault.New(fault.Failed, "look for states that could not be saved", err, "")
		}
		files = append(files, found...)
	}
	return files, nil
}

// nothingUnsaved says where a state that could not be saved may be.
func (p *Platform) nothingUnsaved(ctx context.Context) error {
	op := "put back the states of " + p.Env.Name() + " that could not be saved"
	open := p.lease.Head().Open
	if open == "" {
		return fault.New(fault.Failed, op, errors.New("there is none in this checkout, and the ledger knows of none"), "infra plan "+p.Env.Name())
	}
	r, err := p.runs.Find(ctx, open)
	if err != nil {
		return err
	}
	return fault.New(fault.Failed, op, fmt.Errorf("there is none in this checkout; run %s of %s ended %s on %s", r.Run, r.Who, r.Result, r.Host),
		fmt.Sprintf("the same command there, or with the file as its argument; if the file is lost: infra recover %s", p.Env.Name()))
}

// unsavedStates reads the files. Of one stack the last state counts: it has
// what the earlier ones have.
func (p *Platform) unsavedStates(files []string) ([]unsaved, error) {
	var all []unsaved
	for _, file := range files {
		op := "read the state in " + file
		name, _, _ := strings.Cut(filepath.Base(file), "-"+p.Env.Name()+"-errored.tfstate")
		if !slices.Contains(stack.Products().Names(), name) {
			return nil, fault.New(fault.Usage, op, errors.New("its name does not say which stack it is of"),
				fmt.Sprintf("rename it to %s-%s-errored.tfstate, with the product in front", stack.Products().Names()[0], p.Env.Name()))
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.New(fault.Usage, op, err, "")
		}
		s, err := state.Parse(raw)
		if err != nil {
			return nil, fault.New(fault.Refused, op, err, "infra recover "+p.Env.Name()+", after moving that file away")
		}
		all = append(all, unsaved{product: name, file: file, state: s})
	}
	slices.SortStableFunc(all, func(a, b unsaved) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.state.Serial, b.state.Serial))
	})
	return all, nil
}

// push writes one state, if it is the next one of the state that is there.
func (p *Platform) push(ctx context.Context, u unsaved, wait run.Wait) (*Pushed, error) {
	s := p.stack(u.product)
	op := "put back the state of " + s.String() + " from " + u.file
	stored, err := p.State(ctx, u.product)
	current := stored
	switch {
	case errors.Is(err, state.ErrAbsent):
		stored, current = nil, nil
	case errors.Is(err, state.ErrEmpty), errors.Is(err, state.ErrCorrupt):
		current = nil
	case err != nil:
		return nil, err
	}
	if err := p.successor(op, s, u, current); err != nil {
		return nil, err
	}
	done := &Pushed{Stack: s, File: u.file, Was: current, State: current}
	if current == nil || current.SHA256 != u.state.SHA256 {
		if done.State, err = p.putState(ctx, stateChange{verb: "push-errored", product: u.product, wait: wait}, u.state.Raw, stored); err != nil {
			return nil, err
		}
	}
	// It is in S3, with every version: one copy less with secrets in clear.
	if err := os.Remove(u.file); err != nil {
		return nil, fault.New(fault.Failed, "remove a state that is saved now", err, "rm "+u.file)
	}
	return done, nil
}

// successor refuses a state that would undo what somebody else has written.
func (p *Platform) successor(op string, s stack.Stack, u unsaved, current *state.State) error {
	lineage, serial := "", uint64(0)
	if known, ok := p.lease.Head().Stacks[s.String()]; ok {
		lineage, serial = known.Lineage, known.Serial
	}
	if current != nil {
		lineage, serial = current.Lineage, current.Serial
		if current.SHA256 == u.state.SHA256 {
			return nil
		}
	}
	if lineage != "" && u.state.Lineage != lineage {
		return fault.New(fault.Refused, op, fmt.Errorf("it is another state: its lineage is %s, the stack's is %s", u.state.Lineage, lineage),
			fmt.Sprintf("infra state diff %s --product %s %s", p.Env.Name(), u.product, u.file))
	}
	if lineage != "" && u.state.Serial <= serial {
		return fault.New(fault.Refused, op, fmt.Errorf("somebody has written the state since: it has serial %d, the file %d", serial, u.state.Serial),
			fmt.Sprintf("infra state diff %s --product %s %s    shows what only the file has; import that, then move the file away", p.Env.Name(), u.product, u.file))
	}
	return nil
}

// settleUnsaved closes the run that could not save its states, once all of
// them are in S3. A run whose outcome is unknown besides is left to recover.
func (p *Platform) settleUnsaved(ctx context.Context) error {
	open := p.lease.Head().Open
	if open == "" || open == p.Run.ID {
		return nil
	}
	r, err := p.runs.Find(ctx, open)
	if err != nil {
		return err
	}
	if r.Result != run.StateNotSaved {
		p.Warn("run %s has saved its states now, but never said how it ended: infra recover %s", open, p.Env.Name())
		return nil
	}
	states, err := p.read(ctx)
	if err != nil {
		return err
	}
	versions := map[string]run.Version{}
	for product, s := range states {
		versions[p.stack(product).String()] = *version(s)
	}
	if err := p.lease.Settle(ctx, open, versions); err != nil {
		return err
	}
	p.con.Step("run %s is closed: %s in S3", open, console.Count(len(versions), "state"))
	return nil
}
