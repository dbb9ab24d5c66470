package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"infra/internal/guard"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
)

// known reads the states and compares them with what the ledger says they
// are: Terraform itself takes a lost state for a new stack. While no lease is
// held, it first makes sure that nobody else is changing the environment.
// nil means that there is no state bucket.
func (p *Platform) known(ctx context.Context, wait run.Wait) (map[string]*state.State, error) {
	var head run.Head
	if p.lease != nil {
		head = p.lease.Head()
	} else {
		exists, err := p.bucket.Exists(ctx)
		if err != nil || !exists {
			return nil, err
		}
		if head, err = p.runs.Check(ctx, "plan", p.waiting(wait)); err != nil {
			return nil, err
		}
	}
	states, found, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, product := range stack.Products().Names() {
		name := p.stack(product).String()
		var last *guard.Version
		if v, ok := head.Stacks[name]; ok {
			last = (*guard.Version)(&v)
		}
		warning, err := guard.State(name, last, found[product])
		if err != nil {
			return nil, err
		}
		if p.record != nil && states[product] != nil {
			if noted := p.stackRecord(product); noted.Before == nil {
				noted.Before = version(states[product])
			}
		}
		// A run that applies or destroys several times finds what it has left itself.
		own := p.record != nil && slices.ContainsFunc(p.record.Stacks, func(s run.StackRecord) bool { return s.Stack == name && s.Applied > 0 })
		if warning != "" && !own {
			p.Warn("%s", warning)
		}
	}
	return states, nil
}

// read gives the states of all products that have one, read side by side.
func (p *Platform) read(ctx context.Context) (map[string]*state.State, error) {
	states, _, err := p.look(ctx)
	return states, err
}

// look reads what is at the states' keys: what can be used, and what is there.
func (p *Platform) look(ctx context.Context) (map[string]*state.State, map[string]guard.Found, error) {
	states, found := map[string]*state.State{}, map[string]guard.Found{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, product := range stack.Products().Names() {
		group.Go(func() error {
			s, err := p.State(ctx, product)
			f := guard.Found{}
			switch {
			case errors.Is(err, state.ErrAbsent):
				f.Absent = true
			case errors.Is(err, state.ErrUnreadable):
				f.Empty, f.Corrupt, f.Problem = len(s.Raw) == 0, len(s.Raw) > 0, err.Error()
				s = nil
			case err != nil:
				return err
			default:
				f.Version = guard.Version(*version(s))
			}
			mu.Lock()
			defer mu.Unlock()
			found[product] = f
			if s != nil && (s.Resources > 0 || len(s.Outputs) > 0) {
				states[product] = s
			}
			return nil
		})
	}
	return states, found, group.Wait()
}

// version names a state for the ledger.
func version(s *state.State) *run.Version {
	return &run.Version{Lineage: s.Lineage, Serial: s.Serial, VersionID: s.VersionID, SHA256: s.SHA256}
}

// inputs is a digest of the outputs that a stack reads of other stacks; empty
// when it reads none.
func inputs(s stack.Stack, states map[string]*state.State) string {
	needs := stack.Products()[s.Product]
	if len(needs) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, need := range needs {
		var outputs map[string]state.Output
		if states[need] != nil {
			outputs = states[need].Outputs
		}
		text, err := json.Marshal(outputs) // keys come sorted
		if err != nil {
			return "" // raw JSON that was parsed before always marshals
		}
		_, _ = sum.Write(text) // a hash never fails to write
	}
	return hex.EncodeToString(sum.Sum(nil))
}
