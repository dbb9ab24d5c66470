package provision

import (
	"context"
	"errors"
	"strings"
	"time"

	"infra/internal/bundle"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// Kept is a bundle of plans that was put away to be approved.
type Kept struct {
	Place   string // what `infra apply --plan` takes
	Digest  string // SHA-256, hex
	Expires time.Time
}

// inS3 is the word for keeping a bundle in the state bucket.
const inS3 = "s3"

// Keep puts the plans into one file, so that exactly they can be applied
// later, by somebody else: to is the file's path, or s3 for the state bucket.
// The ledger remembers the digest, valid for as long as is said.
func (p *Platform) Keep(ctx context.Context, plans *Plans, to string, valid time.Duration) (Kept, error) {
	head, err := p.runs.Head(ctx)
	if err != nil {
		return Kept{}, err
	}
	now := time.Now().Add(-head.Skew()).UTC().Truncate(time.Second) // the server's clock
	m := bundle.Manifest{
		Environment: p.Env.Name(), Account: p.Env.Account(), Region: p.Env.Region(), Run: p.Run.ID,
		Created: now, Expires: now.Add(valid), Commit: p.Code.Commit, Content: p.Content, Dirty: len(p.Code.Dirty) > 0, Terraform: terraform.Version,
		Selection: bundle.Selection{
			Products: plans.selection.Products, Layers: plans.selection.Layers,
			RefreshOnly: plans.selection.RefreshOnly, AllowDestroy: plans.selection.AllowDestroy,
		},
	}
	files := map[string]string{}
	for _, s := range plans.Stacks {
		one := bundle.Stack{
			Product: s.Stack.Product, Deferred: s.Deferred, Changes: s.Changes, Drift: s.Drift, OutputsChange: s.Outputs,
			Inputs: s.Inputs, State: s.base,
		}
		if s.File != "" {
			files[s.Stack.Product] = s.File
		}
		m.Stacks = append(m.Stacks, one)
	}
	path := to
	if to == inS3 {
		path = p.Run.File("plan.bundle")
	}
	made, err := bundle.Write(path, m, files)
	if err != nil {
		return Kept{}, err
	}
	place := p.bundlePlace(p.Run.ID)
	if to == inS3 {
		if err := place.Put(ctx, p.objects(), path); err != nil {
			return Kept{}, err
		}
		path = place.URL()
	}
	note := run.NewRecord(run.NewHolder(p.Run, "plan", p.Caller.ARN, m.Commit), p.Env.Name())
	note.Dirty, note.Ended, note.Result, note.Bundle = m.Dirty, now, run.Done, made.Digest
	note.Tools = map[string]string{"terraform": terraform.Version}
	for _, one := range made.Stacks {
		note.Stacks = append(note.Stacks, run.StackRecord{Stack: p.stack(one.Product).String(), Before: (*run.Version)(one.State), Plan: one.SHA256})
	}
	err = p.runs.PutPlan(ctx, p.Run.ID, note)
	return Kept{Place: path, Digest: made.Digest, Expires: m.Expires}, err
}

func (p *Platform) bundlePlace(run string) bundle.Place {
	key := bundle.Key(p.Env.Name(), run)
	if p.Content != "" {
		key = bundle.ContentKey(p.Env.Name(), p.Content, run)
	}
	return bundle.Place{Bucket: p.bucket.Name, Account: p.bucket.Account, Key: key, KMSKey: p.bucket.KeyARN()}
}

// ApplyBundle applies exactly what a bundle holds, or refuses. from is a file
// or s3://bucket/key. The lease is held.
func (p *Platform) ApplyBundle(ctx context.Context, from string, sel Selection, allowDirty bool, approve Approve) ([]StackResult, error) {
	kept, err := p.approved(ctx, from, p.Run.Dir, sel.Wait, allowDirty)
	if err != nil {
		return nil, err
	}
	sel.Products, sel.Layers = kept.Selection.Products, kept.Selection.Layers
	sel.RefreshOnly, sel.AllowDestroy = kept.Selection.RefreshOnly, kept.Selection.AllowDestroy
	plans, err := p.prepare(ctx, sel, false)
	if err != nil {
		return nil, err
	}
	plans.Bundle = from
	for _, s := range plans.Stacks {
		for _, one := range kept.Stacks {
			if one.Product == s.Stack.Product {
				s.fill(one, kept.Plan(one.Product))
				p.tellPlan(s)
			}
		}
		if s.Deferred == "" && s.File != "" {
			if err := s.init(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := p.guardDestroys(ctx, plans); err != nil {
		return nil, err
	}
	return p.carryOut(ctx, plans, approve)
}

// approved brings a bundle to this machine, its plans into the folder dir, and
// refuses one that is not what was approved or whose ground has moved.
func (p *Platform) approved(ctx context.Context, from, dir string, wait run.Wait, allowDirty bool) (bundle.Bundle, error) {
	kept, err := p.fetch(ctx, from, dir)
	if err != nil {
		return kept, err
	}
	p.record.Bundle = kept.Digest
	states, err := p.known(ctx, wait)
	if err != nil {
		return kept, err
	}
	return kept, p.guardBundle(ctx, kept, from, states, allowDirty)
}

// fill takes a stack's plan over from a bundle.
func (s *StackPlan) fill(one bundle.Stack, file string) {
	s.Deferred, s.Inputs, s.base = one.Deferred, one.Inputs, one.State
	s.Plan = terraform.Plan{File: file, SHA256: one.SHA256, Changes: one.Changes, Drift: one.Drift, Outputs: one.OutputsChange}
}

// fetch brings a bundle to this machine and opens it.
func (p *Platform) fetch(ctx context.Context, from, dir string) (bundle.Bundle, error) {
	bucket, key, remote := bundle.ParseURL(from)
	if !remote {
		return bundle.Open(from, dir)
	}
	if bucket != p.bucket.Name || !strings.HasPrefix(key, "bundles/"+p.Env.Name()+"/") {
		return bundle.Bundle{}, fault.New(fault.Refused, "open the plan "+from, errors.New("it is not one of "+p.Env.Name()), "infra plan "+p.Env.Name()+" --out s3")
	}
	place := bundle.Place{Bucket: bucket, Account: p.bucket.Account, Key: key}
	path := p.Run.File("plan.bundle")
	if err := place.Get(ctx, p.objects(), path); err != nil {
		return bundle.Bundle{}, err
	}
	return bundle.Open(path, dir)
}

// guardBundle refuses a bundle that is not what was approved, or whose ground
// has moved.
func (p *Platform) guardBundle(ctx context.Context, kept bundle.Bundle, from string, states map[string]*state.State, allowDirty bool) error {
	var known run.Record
	if err := p.runs.GetPlan(ctx, kept.Run, &known); err != nil {
		return err
	}
	facts := guard.BundleFacts{
		Name:    from,
		Made:    guard.Ground{Environment: kept.Environment, Account: kept.Account, Region: kept.Region, Commit: kept.Commit, Content: kept.Content, Terraform: kept.Terraform},
		Here:    guard.Ground{Environment: p.Env.Name(), Account: p.Env.Account(), Region: p.Env.Region(), Commit: p.Code.Commit, Content: p.Content, Terraform: terraform.Version},
		Created: kept.Created, Expires: kept.Expires, Now: time.Now().Add(-p.lease.Skew()),
		Digest: kept.Digest, Recorded: known.Bundle, Dirty: kept.Dirty, DirtyOK: allowDirty || !p.Env.Protected(),
	}
	for _, one := range kept.Stacks {
		if one.Deferred != "" {
			continue
		}
		s := p.stack(one.Product)
		ground, err := standing(s, kept.Plan(one.Product), one.SHA256, one.State, states[one.Product])
		if err != nil {
			return err
		}
		ground.Inputs, ground.InputsNow = one.Inputs, inputs(s, states)
		facts.Stacks = append(facts.Stacks, ground)
	}
	return guard.Bundle(facts)
}

// standing is what a plan of a stack was approved as and made from, beside
// what its file and the stack's state are now. file is empty, and now nil,
// where there is none.
func standing(s stack.Stack, file, approved string, planned *guard.Version, now *state.State) (guard.BundleStack, error) {
	facts := guard.BundleStack{Stack: s.String(), Approved: approved, Planned: planned}
	if now != nil {
		facts.State = (*guard.Version)(version(now))
	}
	if file == "" {
		return facts, nil
	}
	var err error
	if facts.Plan, err = terraform.Digest(file); err != nil {
		return facts, fault.New(fault.Failed, "read the plan of "+s.String(), err, "")
	}
	return facts, nil
}
