package provision

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/inventory"
	"infra/internal/progress"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/trace"
)

// telling is where what a run does is told.
type telling struct {
	journal *run.Journal // nil before the run has a directory
	failed  sync.Once    // the journal could not be written
	learnt  sync.Once    // earlier runs were looked at
}

// tell is the one way of an event: to the console, and into the journal, which
// holds no secret. A journal that cannot be written stops nothing.
func (p *Platform) tell(e progress.Event) {
	e.At = time.Now()
	p.con.Tell(e)
	if p.telling.journal == nil {
		return
	}
	if err := p.telling.journal.Add([]byte(p.con.Masked(string(e.Line())))); err != nil {
		p.telling.failed.Do(func() {
			p.con.Warn("the journal of run %s is not whole, and so its report will not be: %v", p.Run.ID, err)
		})
	}
}

// Did tells for the report what an operation did, or saw: at a host, or at none.
func (p *Platform) Did(host, what string) {
	p.tell(progress.Event{Kind: progress.Did, Host: host, Message: what})
}

// Warn says something that the user should look at, now and in the report.
func (p *Platform) Warn(format string, args ...any) {
	p.con.Warn(format, args...)
	p.tell(progress.Event{Kind: progress.Warning, Message: fmt.Sprintf(format, args...)})
}

// step tells that a step of a stack began. What it returns tells its end, once.
func (p *Platform) step(ctx context.Context, s stack.Stack, step, doing string) (ended func(error)) {
	return p.begin(ctx, progress.Event{Stack: s.String(), Step: step}, s.String()+": "+doing, s.String())
}

// hostStep is step for the hosts.
func (p *Platform) hostStep(ctx context.Context, hosts []inventory.Host, step, doing string) (ended func(error)) {
	e := progress.Event{Step: step}
	for _, h := range hosts {
		e.Hosts = append(e.Hosts, progress.Host{ID: h.ID, Name: h.Name, Layer: h.Layer})
	}
	return p.begin(ctx, e, p.Env.Name()+": "+doing, progress.Hosts)
}

func (p *Platform) begin(ctx context.Context, e progress.Event, what, row string) (ended func(error)) {
	p.learn(ctx)
	began := time.Now()
	e.Kind = progress.StepBegan
	p.tell(e)
	quiet := p.con.Still(what, row)
	var once sync.Once
	return func(err error) {
		once.Do(func() {
			quiet()
			e.Kind, e.Hosts, e.Seconds, e.Result = progress.StepEnded, nil, time.Since(began).Seconds(), result(err)
			p.tell(e)
		})
	}
}

// result is how something ended, as events say it.
func result(err error) string {
	switch {
	case err == nil:
		return progress.OK
	case fault.CodeOf(err) == fault.Interrupted:
		return string(run.Interrupted)
	default:
		return progress.Failed
	}
}

// asked is what approve says, and how long it took to say it.
func (p *Platform) asked(ctx context.Context, plans *Plans, approve Approve) (err error) {
	_, end := trace.Start(ctx, "approve")
	defer end(&err)
	began := time.Now()
	p.tell(progress.Event{Kind: progress.StepBegan, Step: progress.Approving})
	err = approve(plans)
	p.tell(progress.Event{Kind: progress.StepEnded, Step: progress.Approving, Seconds: time.Since(began).Seconds(), Result: result(err)})
	return err
}

const (
	earlier    = 6                // runs that tell how long things take
	learnAfter = 10 * time.Second // off a terminal, where nobody is told of what is over sooner
)

// learn looks, beside the work, at how long things took in earlier runs. That it
// is not known stops nothing.
func (p *Platform) learn(ctx context.Context) {
	p.telling.learnt.Do(func() {
		go func() {
			if !p.con.Draws() {
				select {
				case <-time.After(learnAfter):
				case <-ctx.Done():
					return
				}
			}
			journals, err := p.runs.Journals(ctx, earlier)
			if err != nil {
				return
			}
			var runs [][]progress.Event
			for _, journal := range journals {
				if events, err := progress.Parse(journal); err == nil {
					runs = append(runs, events)
				}
			}
			p.con.Expect(progress.Learn(runs...))
		}()
	})
}

// played turns what Ansible tells into events and lines.
func (p *Platform) played(ctx context.Context, name func(id string) string) (progressed func(ansible.Progress), end func(*error)) {
	play, task, ended := "", "", func(*error) {}
	progressed = func(e ansible.Progress) {
		switch {
		case e.Play != "":
			ended(nil)
			_, ended = trace.Part(ctx, "play "+e.Play)
			play = e.Play
		case e.Begun != nil:
			p.tell(progress.Event{Kind: progress.TaskBegan, Host: name(e.Begun.Host), Play: e.Begun.Play, Task: e.Begun.Task})
		case e.Skipped != nil:
			p.tell(progress.Event{Kind: progress.TaskSkipped, Host: name(e.Skipped.Host), Play: e.Skipped.Play, Task: e.Skipped.Task})
		case e.Failure != nil:
			p.con.Detail("%s: %s: %s", name(e.Failure.Host), e.Failure.Task, e.Failure.Message)
		case e.Outcome != nil:
			p.tell(progress.Event{
				Kind: progress.TaskEnded, Host: name(e.Outcome.Host), Play: e.Outcome.Play, Task: e.Outcome.Task,
				Result: e.Outcome.Word, Seconds: e.Outcome.Took.Seconds(), Message: e.Outcome.Message,
			})
		case e.Task != "":
			p.tell(progress.Event{Kind: progress.TaskBegan, Play: play, Task: e.Task})
			if e.Task != task {
				task = e.Task
				p.con.Detail("hosts: %s", task)
			}
		}
	}
	return progressed, func(err *error) { ended(err) }
}

// await waits until somebody can log in to the hosts.
func (p *Platform) await(ctx context.Context, hosts []inventory.Host, wait func() error) error {
	ended := p.hostStep(ctx, hosts, progress.Waiting, "waiting for "+console.Count(len(hosts), "host"))
	err := wait()
	ended(err)
	return err
}

// Health notes how a part of the platform is after the run's changes.
func (p *Platform) Health(part, state, problems string) {
	p.tell(progress.Event{Kind: progress.Health, Part: part, Result: state, Message: problems})
}

// Events are what a run has told, from its folder in this checkout or from
// beside its record; none when its journal was not kept.
func (p *Platform) Events(ctx context.Context, id string) ([]progress.Event, error) {
	journal, err := run.Kept(filepath.Join(p.Project, ".infra", "runs", p.Env.Name(), id))
	if err == nil && journal == nil {
		journal, err = p.runs.JournalOf(ctx, id)
	}
	if err != nil {
		return nil, fault.New(fault.Failed, "read the journal of run "+id, err, "")
	}
	events, err := progress.Parse(journal)
	if err != nil {
		return nil, fault.New(fault.Failed, "read the journal of run "+id, err, "")
	}
	return events, nil
}

// keepJournal puts the journal beside the run's record, so that any machine can
// make its report. The run has ended: that it cannot is said and changes nothing.
func (p *Platform) keepJournal(ctx context.Context) {
	journal, err := run.Kept(p.Run.Dir)
	if err == nil && journal != nil {
		err = p.runs.PutJournal(ctx, p.Run.ID, journal)
	}
	if err != nil {
		p.con.Warn("keep the journal of run %s: %v; its report can be made on this machine alone", p.Run.ID, err)
	}
}

// tellPlan tells what a plan would change, and what it found to be changed.
func (p *Platform) tellPlan(s *StackPlan) {
	p.tell(progress.Event{Kind: progress.Planned, Stack: s.Stack.String(), Changes: told(s.Changes), Drift: told(s.Drift)})
}

func told(changes []guard.Change) []progress.Change {
	all := make([]progress.Change, 0, len(changes))
	for _, c := range changes {
		all = append(all, progress.Change{Address: c.Address, Action: string(c.Action), Reason: c.Reason})
	}
	return all
}
