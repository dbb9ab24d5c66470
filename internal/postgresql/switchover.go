package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"infra/internal/fault"
)

// SwitchoverSchema is the kind and version of a switchover's report.
const SwitchoverSchema = "infra/pg-switchover/v1"

// How long the parts of a switchover may take. Clients wait during the first
// two.
const (
	handoverLimit = 11 * time.Minute // a checkpoint of a busy server takes its time; nobody waits for it
	takeoverLimit = 12 * time.Minute // from before the checkpoint on
	addressLimit  = time.Minute
	rejoinLimit   = 10 * time.Minute
	settleLimit   = 2 * time.Minute
	asideLimit    = time.Minute
)

// handed is what `handover` prints.
type handed struct {
	LSN   string    `json:"lsn"`
	Begun time.Time `json:"begun"`
	Ended time.Time `json:"ended"`
}

// taken is what `takeover` prints.
type taken struct {
	Timeline int       `json:"timeline"`
	Replayed time.Time `json:"replayed"`
	Promoted time.Time `json:"promoted"`
}

// Switchover changes the primary as planned. Until the standby is promoted,
// whatever goes wrong ends with the old primary taking writes again; from then
// on it only goes forward, and what is missing at the end is in the report. An
// interrupt is heeded before the first step and not after it.
func Switchover(ctx context.Context, w Work, m Move) (*Done, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	o := w.begin(SwitchoverSchema, m.From.Name, m.To.Name)
	if err := o.pause(ctx); err != nil {
		o.unpause(ctx)
		return o.end(o.look(ctx)), fault.New(fault.Failed, "pause repmgrd", err, "infra pg status "+o.done.Environment)
	}
	stopped, took, err := o.handOver(ctx, m)
	if err != nil {
		if s := o.look(ctx); !takesWrites(s, m.To) {
			return o.goBack(ctx, m, err)
		}
		o.step(m.To.Name, "was promoted all the same (%s)", said(err))
	}
	o.Touched(o.host(m.To), "promoted")
	o.Touched(o.host(m.From), "demoted")
	o.done.LSN = stopped.LSN
	o.followAddress(ctx, m, stopped.Begun)
	o.rejoinOld(ctx, m.From)
	o.unpause(ctx)
	s, _ := o.until(ctx, settleLimit, func(s Status) bool { return s.Serving && len(s.Problems) == 0 })
	if took.Timeline > 0 && s.Primary() == nil {
		s.Problems = append(s.Problems, fmt.Sprintf("%s was promoted to timeline %d and is not seen as the one primary", m.To.Name, took.Timeline))
	}
	return o.end(s), nil
}

// handOver stops the old primary in order and promotes the standby at exactly
// the position where its WAL ends. The standby's side is started first and
// waits, so that no time is lost between the two.
func (o *operation) handOver(ctx context.Context, m Move) (handed, taken, error) {
	positions, position := io.Pipe()
	var took taken
	var tookErr error
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ctx, cancel := context.WithTimeout(ctx, takeoverLimit)
		defer cancel()
		took, tookErr = Program[taken](ctx, o.Run, o.host(m.To), positions, "takeover", "--from", m.From.Name, "--lsn", "-")
		_ = positions.CloseWithError(errors.New("takeover has ended")) // it only fails never
	}()
	asking, cancel := context.WithTimeout(ctx, handoverLimit)
	defer cancel()
	o.step(m.From.Name, "writes a checkpoint and stops")
	stopped, err := Program[handed](asking, o.Run, o.host(m.From), nil, "handover", "--to", m.To.Name)
	if err != nil {
		_ = position.Close() // without a position takeover gives up
		<-finished
		return stopped, took, fmt.Errorf("hand over: %s", said(err))
	}
	_, err = io.WriteString(position, stopped.LSN+"\n")
	_ = position.Close()
	o.stepAt(stopped.Ended, m.From.Name, "has stopped; its WAL ends at %s", stopped.LSN)
	<-finished
	if tookErr != nil || err != nil {
		return stopped, took, fmt.Errorf("take over: %s", said(cmp.Or(tookErr, err)))
	}
	o.stepAt(took.Replayed, m.To.Name, "has replayed all of it")
	o.stepAt(took.Promoted, m.To.Name, "is the primary, on timeline %d", took.Timeline)
	return stopped, took, nil
}

// goBack has the old primary take writes again.
func (o *operation) goBack(ctx context.Context, m Move, cause error) (*Done, error) {
	o.step(m.From.Name, "is started again: %v", cause)
	asking, cancel := context.WithTimeout(ctx, asideLimit)
	defer cancel()
	resumeErr := o.program(asking, m.From, nil, "resume")
	o.unpause(ctx)
	s, serving := o.until(ctx, addressLimit, func(s Status) bool { return s.Serving && takesWrites(s, m.From) })
	hint := "infra pg status " + o.done.Environment
	if serving {
		return o.end(s), fault.New(fault.Failed, "switch over to "+m.To.Name, fmt.Errorf("%w; %s is the primary as before, nothing was lost", cause, m.From.Name), hint)
	}
	if resumeErr != nil {
		cause = errors.Join(cause, fmt.Errorf("start %s again: %s", m.From.Name, said(resumeErr)))
	}
	return o.end(s), fault.New(fault.Failed, "switch over to "+m.To.Name, cause, hint)
}

// followAddress waits until clients get to the new primary.
func (o *operation) followAddress(ctx context.Context, m Move, since time.Time) {
	s, led := o.until(ctx, addressLimit, func(s Status) bool { return s.Serving && takesWrites(s, m.To) })
	if !led {
		o.step(m.To.Name, "does not have the address %s yet", s.Endpoint.Address)
		return
	}
	at := time.Now().UTC()
	if events, err := readEvents(ctx, o.Run, o.host(m.To), shownEvents); err == nil {
		for _, e := range events {
			if e.Name == endpointEvent && e.At.After(since) {
				at = e.At
			}
		}
	}
	o.stepAt(at, m.To.Name, "has the address %s", s.Endpoint.Address)
	if !since.IsZero() {
		o.done.GapSeconds = at.Sub(since).Seconds()
	}
}

// endpointEvent is what the agent journals when clients get to its server.
const endpointEvent = "verified"

// rejoinOld has the old primary follow the new one. Its agent would do so by
// itself; that it is asked only saves time.
func (o *operation) rejoinOld(ctx context.Context, from Node) {
	asking, cancel := context.WithTimeout(ctx, rejoinLimit)
	defer cancel()
	if err := o.program(asking, from, nil, "rejoin"); err != nil {
		o.step(from.Name, "has not rejoined yet: %s", said(err))
		return
	}
	o.step(from.Name, "is a standby now")
}

// pause keeps repmgrd from deciding, on every node. The nodes end it by
// themselves after a while, should nobody do so.
func (o *operation) pause(ctx context.Context) error {
	err := o.everywhere(ctx, "pause")
	if err == nil {
		o.step("", "repmgrd is paused on every node")
	}
	return err
}

// unpauseTries is how often a node is asked: a former primary may just be
// starting.
const unpauseTries = 3

// unpause ends a pause. Where it cannot, the node does so by itself.
func (o *operation) unpause(ctx context.Context) {
	var err error
	for range unpauseTries {
		if err = o.everywhere(ctx, "unpause"); err == nil {
			o.step("", "repmgrd decides again")
			return
		}
	}
	o.step("", "repmgrd is still paused, which its node ends by itself: %v", err)
}

// everywhere runs a subcommand on all nodes side by side.
func (o *operation) everywhere(ctx context.Context, verb string) error {
	ctx, cancel := context.WithTimeout(ctx, asideLimit)
	defer cancel()
	failures := make([]error, len(o.Hosts))
	var group sync.WaitGroup
	for i, h := range o.Hosts {
		group.Go(func() {
			if _, err := Program[map[string]any](ctx, o.Run, h, nil, verb); err != nil {
				failures[i] = fmt.Errorf("%s: %s", h.Name, said(err))
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// takesWrites tells whether the node is the one primary.
func takesWrites(s Status, n Node) bool {
	primary := s.Primary()
	return primary != nil && primary.Number == n.Number
}
