package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Chain carries a plan out. It leaves snapshots, and the volume made of the
// last one; whatever interrupts it, the next run goes on from the snapshots
// that are there.
type Chain struct {
	EC2    *ec2.Client // of the source's region
	Target *ec2.Client // of the region that is copied to; nil: none
	Run    Run
	Tell   func(format string, args ...any) // what happens, for people
	Live   func(format string, args ...any) // what goes on just now; empty: nothing

	Environment string
	ID          string         // of this run
	Source      inventory.Host // whose volume it is
	Volume      string
	Mount       Mount
	Region      string // of the source
	TargetZone  string // where the final volume is made
	KMSKey      string // of the copies; empty: the target region's default
	Anew        bool   // do not go on with an unfinished chain
	Learn       int    // so many snapshots are made even if the plan is out of reach: what was measured is a bound, they show what is

	Way   string        // Freeze or Stop
	Limit time.Duration // of the standstill
	Keep  bool          // Stop: leave the server stopped

	CheckOn  *inventory.Host // where recovery is tried; nil: nowhere
	Database string          // of the probe
	Probe    string          // a statement asked of the source before and of the recovered server; empty: none

	Poll time.Duration // between two looks at the service
}

// Taken is what happened to one snapshot of the chain.
type Taken struct {
	Step      int
	ID        string
	CopyID    string
	Started   time.Time // when EC2 had begun it: its moment has passed
	Took      time.Duration
	Copied    time.Duration
	Still     time.Duration // how long the database stood still for it
	Interval  time.Duration // since the one before
	Estimated Step          // what the plan just before said
	Resumed   bool          // an earlier run had begun it
}

// Result is what a run did.
type Result struct {
	Chain     string
	Planned   Plan // at the beginning
	Final     Plan // just before the last snapshot
	Taken     []Taken
	Snapshot  string // the last one, in the region that it was moved to
	Volume    string // made of it
	Create    time.Duration
	Recovered *Recovered // nil: not tried
	Downtime  time.Duration
	Cleanup   error // what could not be removed again
}

// state is what a run knows of its chain.
type state struct {
	id       string
	base     string    // what the first snapshot stands on, or nothing
	last     time.Time // when the newest snapshot of the volume was begun; zero: there is none
	seen     []Observation
	step     int           // of the next snapshot
	pending  *Link         // of an earlier run, still being stored
	final    *Link         // the last one is there, the rest is not
	previous time.Duration // interval before the pending one
	answer   string        // of the source to the probe, before it stood still
}

// Execute carries the chain out. show is called with every plan.
func (c *Chain) Execute(ctx context.Context, in Inputs, show func(Plan)) (*Result, error) {
	s, in, err := c.resume(ctx, in)
	if err != nil {
		return nil, c.fail("look for earlier snapshots", err)
	}
	r := &Result{Chain: s.id}
	for s.final == nil {
		if !s.last.IsZero() {
			in.Since = time.Since(s.last) + in.Gap
		}
		plan, err := Make(in)
		if err != nil {
			return r, c.fail("plan", err)
		}
		if r.Planned.Steps == nil {
			r.Planned = plan
		}
		r.Final = plan
		show(plan)
		if !plan.Feasible && s.pending == nil && len(s.seen) >= c.Learn {
			return r, fault.New(fault.Refused, "plan the snapshots of "+c.Source.Name, errors.New(plan.Reason),
				fmt.Sprintf("what is there already is kept; with --target %s it is within reach", Text(plan.Possible.Truncate(time.Second)+time.Second)))
		}
		final := plan.Feasible && len(plan.Steps) == 1 && s.pending == nil
		taken, err := c.take(ctx, &s, plan.Steps[0], final)
		if err != nil {
			return r, c.fail(fmt.Sprintf("snapshot %d", s.step), err)
		}
		r.Taken = append(r.Taken, taken)
		s.seen = append(s.seen, Observation{Interval: taken.Interval, Took: taken.Took, Copied: taken.Copied})
		if !final {
			in = Refit(in, s.seen)
		}
	}
	return r, c.finish(ctx, s, r)
}

// fail names the source; an interruption stays what it is.
func (c *Chain) fail(what string, err error) error {
	return fault.New(fault.CodeOf(err), what+" of "+c.Source.Name, err, "type the same again: it goes on from the snapshots that are there")
}

// resume reads what is there of the volume's snapshots.
func (c *Chain) resume(ctx context.Context, in Inputs) (state, Inputs, error) {
	links, err := Links(ctx, c.EC2, c.Volume)
	if err != nil {
		return state{}, in, err
	}
	s := state{id: c.ID, base: nothing, step: 1}
	if len(links) == 0 {
		return s, in, nil
	}
	newest := links[len(links)-1]
	s.last, s.base = newest.Started, newest.ID
	if newest.Whole > in.Extent.Used {
		in.Extent.Used = min(newest.Whole, in.Extent.Volume)
	}
	if c.Anew || newest.Chain == "" || newest.Done {
		return s, in, nil
	}
	s.id = newest.Chain
	s.read(links)
	c.Tell("going on with chain %s: %d snapshots are there", s.id, s.step-1)
	switch {
	case newest.Consistency != "":
		s.final = &newest
	case newest.State == types.SnapshotStatePending:
		s.pending = &newest
		s.step = newest.Step
	}
	return s, Refit(in, s.seen), nil
}

// read takes what the chain's snapshots took from EC2.
func (s *state) read(links []Link) {
	var before *Link
	for i := range links {
		link := &links[i]
		if link.Chain == s.id {
			s.step = link.Step + 1
			if link.Base != "" {
				s.base = link.Base
			}
			o := Observation{Took: link.Completed.Sub(link.Started)}
			if before != nil {
				o.Interval = link.Started.Sub(before.Started)
			}
			s.previous = o.Interval
			if !link.Completed.IsZero() && o.Took > 0 {
				s.seen = append(s.seen, o)
			}
		}
		before = link
	}
}

// take makes the next snapshot, waits for it and copies it.
func (c *Chain) take(ctx context.Context, s *state, estimated Step, final bool) (Taken, error) {
	taken := Taken{Step: s.step, Estimated: estimated, Started: time.Now()}
	var err error
	switch {
	case s.pending != nil:
		taken.ID, taken.Started, taken.Resumed, taken.Interval = s.pending.ID, s.pending.Started, true, s.previous
	case final:
		taken.ID, taken.Started, taken.Still, err = c.still(ctx, s)
	default:
		taken.ID, err = c.create(ctx, s)
		taken.Started = time.Now()
	}
	if err != nil {
		return taken, err
	}
	if !taken.Resumed && !s.last.IsZero() {
		taken.Interval = taken.Started.Sub(s.last)
	}
	stored, err := await(ctx, c.EC2, taken.ID, c.Poll, func(progress string) { c.Live("snapshot %d: %s stored", taken.Step, progress) })
	if err != nil {
		return taken, err
	}
	taken.Took = time.Since(taken.Started)
	if taken.Resumed && stored.CompletionTime != nil { // nobody looked in between
		taken.Took = stored.CompletionTime.Sub(taken.Started)
	}
	if c.Target != nil {
		if taken.CopyID, taken.Copied, err = c.copy(ctx, s, taken); err != nil {
			return taken, err
		}
	}
	c.Live("")
	c.Tell("snapshot %d: %s took %s, estimated %s", taken.Step, taken.ID, Text(taken.Took+taken.Copied), Text(estimated.Window()))
	s.last, s.pending = taken.Started, nil
	s.step++
	if final {
		s.final = &Link{ID: taken.ID, Step: taken.Step, Started: taken.Started}
	}
	return taken, nil
}

// still makes the last snapshot while the database stands still, and no longer
// than until EC2 has begun it.
func (c *Chain) still(ctx context.Context, s *state) (id string, at time.Time, stood time.Duration, err error) {
	quiet := &stillness{run: c.Run, host: c.Source, mount: c.Mount, way: c.Way, limit: c.Limit, id: c.ID, keep: c.Keep}
	at = time.Now()
	if c.Probe != "" {
		if s.answer, err = c.ask(ctx); err != nil {
			return "", at, 0, err
		}
	}
	if err := quiet.begin(ctx); err != nil {
		return "", at, 0, err
	}
	at = time.Now()
	calling, cancel := context.WithTimeout(ctx, c.Limit)
	id, err = c.create(calling, s)
	cancel()
	begun := time.Now()
	err = errors.Join(err, quiet.end(ctx))
	stood, at = time.Since(at), begun
	if err != nil {
		return id, at, stood, err
	}
	c.Tell("%s stood still for %s", c.Source.Name, Text(stood))
	return id, at, stood, mark(context.WithoutCancel(ctx), c.EC2, id, tagConsistency, c.Way)
}

// create begins a snapshot. When it returns, the moment of the snapshot has
// passed: what is written from then on is not in it.
func (c *Chain) create(ctx context.Context, s *state) (string, error) {
	tags := map[string]string{
		"Name": fmt.Sprintf("%s-%s-%d", c.Environment, c.Source.Name, s.step), "environment": c.Environment,
		tagRun: c.ID, tagChain: s.id, tagStep: strconv.Itoa(s.step),
	}
	if s.step == 1 {
		tags[tagBase] = s.base
	}
	made, err := c.EC2.CreateSnapshot(ctx, &ec2.CreateSnapshotInput{
		VolumeId: &c.Volume, Description: aws.String(fmt.Sprintf("infra: step %d of moving %s", s.step, c.Source.Name)),
		TagSpecifications: tagged(types.ResourceTypeSnapshot, tags),
	})
	if err != nil {
		return "", fmt.Errorf("begin a snapshot of %s: %w", c.Volume, err)
	}
	return aws.ToString(made.SnapshotId), nil
}

// copy copies a snapshot to the other region. Copies of one volume's snapshots
// with the same key, made in order, are as incremental as the snapshots.
func (c *Chain) copy(ctx context.Context, s *state, taken Taken) (string, time.Duration, error) {
	began := time.Now()
	input := &ec2.CopySnapshotInput{
		SourceRegion: &c.Region, SourceSnapshotId: &taken.ID, Description: aws.String("infra: copy of " + taken.ID),
		TagSpecifications: tagged(types.ResourceTypeSnapshot, map[string]string{
			"Name": fmt.Sprintf("%s-%s-%d", c.Environment, c.Source.Name, taken.Step), "environment": c.Environment,
			tagRun: c.ID, tagChain: s.id, tagStep: strconv.Itoa(taken.Step),
		}),
	}
	if c.KMSKey != "" {
		input.Encrypted, input.KmsKeyId = aws.Bool(true), &c.KMSKey
	}
	made, err := c.Target.CopySnapshot(ctx, input)
	if err != nil {
		return "", 0, fmt.Errorf("copy snapshot %s: %w", taken.ID, err)
	}
	id := aws.ToString(made.SnapshotId)
	_, err = await(ctx, c.Target, id, c.Poll, func(progress string) { c.Live("copy of snapshot %d: %s stored", taken.Step, progress) })
	return id, time.Since(began), err
}
