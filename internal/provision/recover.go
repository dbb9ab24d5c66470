package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/orphan"
	"infra/internal/progress"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// Recovery is what was done about a run that never said how it ended.
type Recovery struct {
	Record    run.Record   // of the run; its Run is empty when no run was open
	Locks     []state.Lock // of Terraform, removed
	Refreshed []string     // stacks whose state was compared with what exists
	Orphans   []orphan.Resource
	Unsure    []string // why something may have been overlooked
}

// Recover closes the run that has begun to change something and never said
// how it ended. It makes sure that the run is dead, removes the locks that it
// has left, lets Terraform compare every state with what exists, and lists what
// the run has made that is in no state. Nothing but states is changed.
func (p *Platform) Recover(ctx context.Context, wait run.Wait, approve func(run.Record) error) (*Recovery, error) {
	wait.Repair = true
	head, err := p.runs.Check(ctx, "recover", p.waiting(wait))
	if err != nil {
		return nil, err
	}
	recovery := &Recovery{}
	if head.Open != "" {
		if recovery.Record, err = p.runs.Find(ctx, head.Open); err != nil && !errors.Is(err, run.ErrNoRecord) {
			return nil, err
		}
		recovery.Record.Run = head.Open
		if err := approve(recovery.Record); err != nil {
			return nil, err
		}
	}
	err = p.Change(ctx, "recover", wait, func(ctx context.Context) error {
		if open := p.lease.Head().Open; open != head.Open {
			return fault.New(fault.Locked, "recover "+p.Env.Name(), fmt.Errorf("meanwhile another run is the open one: %q", open), "infra runs "+p.Env.Name())
		}
		return p.settle(ctx, recovery)
	})
	return recovery, err
}

// settle is what Recover does while the lease is held.
func (p *Platform) settle(ctx context.Context, r *Recovery) (err error) {
	id := r.Record.Run
	if id == "" {
		return nil // taking over the lease has already removed what was left
	}
	p.record.Recovers = id
	if err := p.nothingKept(r); err != nil {
		return err
	}
	dead := run.Holder{Run: id, Who: r.Record.Who, Host: r.Record.Host, Since: r.Record.Started}
	until := time.Time{}
	if from := p.lease.Inherited(); from != nil && from.Run == id {
		until = from.Beat.Add(afterLife)
	}
	dropped, err := p.dropLocks(ctx, dead, until)
	if err != nil {
		return err
	}
	r.Locks = slices.Concat(p.dropped, dropped)
	if err := p.refresh(ctx, r); err != nil {
		return err
	}
	states, err := p.read(ctx)
	if err != nil {
		return err
	}
	p.con.Live("looking for what run %s has made", id)
	if r.Orphans, err = p.orphans(ctx, r, states); err != nil {
		return err
	}
	p.con.Live("")
	versions := map[string]run.Version{}
	for product, s := range states {
		versions[p.stack(product).String()] = *version(s)
	}
	var labels []string
	for _, o := range r.Orphans {
		labels = append(labels, o.Label())
	}
	p.record.Orphans = labels
	if err := p.lease.Settle(ctx, id, versions, labels...); err != nil {
		return err
	}
	p.tidyAfter(id)
	return nil
}

// tidyAfter removes what a dead run of this checkout could not remove itself:
// files that hold secrets.
func (p *Platform) tidyAfter(id string) {
	dir := p.runDir(id)
	if _, err := os.Stat(dir); err != nil || id == "" {
		return
	}
	if err := (&run.Run{ID: id, Dir: dir}).Tidy(); err != nil {
		p.Warn("tidy up after run %s: %v", id, err)
	}
}

// runDir is the directory of another run of this checkout; it may not exist.
func (p *Platform) runDir(id string) string { return filepath.Join(filepath.Dir(p.Run.Dir), id) }

// nothingKept refuses to go on while the run's directory has a state that
// Terraform could not save: what is in it would look like orphans.
func (p *Platform) nothingKept(r *Recovery) error {
	kept, err := run.Unsaved(p.runDir(r.Record.Run))
	if err != nil {
		return fault.New(fault.Failed, "recover "+p.Env.Name(), err, "")
	}
	if len(kept) > 0 {
		return fault.New(fault.Refused, "recover "+p.Env.Name(),
			fmt.Errorf("run %s has left a state that is not in S3 yet: %s", r.Record.Run, strings.Join(kept, ", ")), "infra state push-errored "+p.Env.Name())
	}
	if r.Record.Result == run.StateNotSaved {
		r.Unsure = append(r.Unsure, "the run could not save a state, which is not in this checkout; if it is lost, what it had made is listed here")
	}
	return nil
}

// refresh lets Terraform compare every state with what exists. One that is
// missing or damaged stops everything, since only a person can say which
// version is the right one.
func (p *Platform) refresh(ctx context.Context, r *Recovery) error {
	states, err := p.known(ctx, run.Wait{})
	if err != nil {
		return err
	}
	var products []string
	for _, product := range stack.Products().Names() {
		if states[product] != nil {
			products = append(products, product)
		}
	}
	if len(products) == 0 {
		return nil
	}
	stacks, err := stack.Order(p.Env.Name(), products)
	if err != nil {
		return err
	}
	binary, cliConfig, err := p.tools(ctx)
	if err != nil {
		return err
	}
	if _, err := p.takeColours(ctx); err != nil {
		return err
	}
	for _, s := range stacks {
		w, err := p.workspace(ctx, s, binary, cliConfig, refreshParallelism, p.watch(s.String()))
		if err != nil {
			return err
		}
		if err := p.refreshStack(ctx, s, w); err != nil {
			return err
		}
		r.Refreshed = append(r.Refreshed, s.String())
	}
	return nil
}

// refreshParallelism is how many resources are read at once.
const refreshParallelism = 30

func (p *Platform) refreshStack(ctx context.Context, s stack.Stack, w *terraform.Workspace) error {
	if err := w.Init(ctx); err != nil {
		return err
	}
	if err := p.begun(ctx); err != nil {
		return err
	}
	ended := p.step(ctx, s, progress.Comparing, "comparing the state with what exists")
	err := w.Refresh(ctx)
	ended(err)
	if err != nil {
		return err
	}
	p.con.Step("%s: the state was compared with what exists", s)
	return nil
}

// orphans puts together what AWS and the run's own logs tell.
func (p *Platform) orphans(ctx context.Context, r *Recovery, states map[string]*state.State) ([]orphan.Resource, error) {
	others, err := environment.List(p.Project)
	if err != nil {
		return nil, err
	}
	seen, unheard := orphan.Account{
		AWS: p.aws, Account: p.Env.Account(), Region: p.Env.Region(), Partition: p.Env.Partition(), Environment: p.Env.Name(), Others: others,
	}.Seen(ctx, r.Record.Run, r.Record.Started)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, err := range unheard {
		r.Unsure = append(r.Unsure, p.con.Masked(err.Error()))
	}
	var begun []orphan.Creation
	dir := p.runDir(r.Record.Run)
	if _, err := os.Stat(dir); err != nil {
		r.Unsure = append(r.Unsure, "the run's own logs are not in this checkout but on "+r.Record.Host+": what has no tags, as DNS records and routes, may be missing from this list")
	}
	for _, product := range stack.Products().Names() {
		log := filepath.Join(dir, product+"-"+p.Env.Name()+"-apply.jsonl")
		creations, err := orphan.ReadLog(product, log)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.New(fault.Failed, "recover "+p.Env.Name(), err, "")
		}
		begun = append(begun, creations...)
	}
	found := orphan.Find(seen, begun, states)
	if len(found) > 0 {
		p.Warn("%s that run %s may have made, in no state", console.Count(len(found), "thing"), r.Record.Run)
	}
	return found, nil
}
