package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// ErrNoRecord says that the ledger has no such run, or no such plan.
var ErrNoRecord = errors.New("the ledger has no such run")

// The objects of a run. Each is written once.
const (
	beginName   = "begin"
	endName     = "end"
	settledName = "settled"
	planName    = "plan"
)

// settlement closes a run that could not do so itself.
type settlement struct {
	Schema  string             `json:"schema"`
	By      string             `json:"by"` // the run that has looked after it
	At      time.Time          `json:"at"`
	Stacks  map[string]Version `json:"stacks,omitempty"`
	Orphans []string           `json:"orphans,omitempty"`
}

// append writes one object of a run. Writing the same a second time, because
// the answer to the first was lost, is no error.
func (s *Store) append(ctx context.Context, run, name string, document any) error {
	key := s.recordKey(run, name)
	_, err := s.put(ctx, key, document, "")
	if !errors.Is(err, errConflict) {
		return err
	}
	want, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if got, err := s.get(ctx, key); err == nil && bytes.Equal(got.data, want) {
		return nil
	}
	return fault.New(fault.Failed, "write "+key, errors.New("the ledger has it already, with other words: two runs have the same id"), "infra runs "+s.environment+" "+run)
}

// swapHead puts next in the place of the head that the lease knows. The lease
// is held, so nobody else writes it: when it has changed all the same the lease
// is lost, unless it was this very change and the answer was lost.
func (s *Store) swapHead(ctx context.Context, l *Lease, next Head) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	head, err := s.writeHead(ctx, l.head.etag, next)
	if errors.Is(err, errConflict) {
		now, readErr := s.Head(ctx)
		if readErr != nil {
			return readErr
		}
		switch {
		case now.Open == next.Open && now.Last == next.Last && now.Fence == next.Fence && maps.Equal(now.Stacks, next.Stacks):
			head, err = now, nil
		case now.Open == l.holder.Run: // our own, by a request that failed and was done all the same
			head, err = s.writeHead(ctx, now.etag, next)
		default:
			return l.lose(errors.New("another run has written the ledger's head"))
		}
	}
	if err == nil {
		l.head = head
	}
	return err
}

// Open records that a run is about to change something for the first time:
// until Close its outcome is unknown. A run that repairs what another one has
// left open leaves the head as it is.
func (l *Lease) Open(ctx context.Context, r *Record) error {
	s := l.store
	if err := l.Sure(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	l.open = true
	next := l.head
	l.mu.Unlock()
	begin := *r
	begin.Result = Running
	var group errgroup.Group
	group.Go(func() error { return s.append(ctx, r.Run, beginName, begin) })
	if next.Open == "" {
		next.Open = r.Run
		group.Go(func() error { return s.swapHead(ctx, l, next) })
	}
	return group.Wait()
}

// Close records how a run ended. A run that was opened and ended as Unknown
// or StateNotSaved stays open; any other is over. Without Open, only the end
// is written and the head stays as it is. So it does when the lease was lost:
// the head is another run's then.
func (l *Lease) Close(ctx context.Context, r *Record) error {
	if err := l.store.Note(ctx, r); err != nil {
		return err
	}
	l.mu.Lock()
	head, done := l.head, !l.open || l.lost != nil
	l.mu.Unlock()
	if done {
		return nil
	}
	return l.store.swapHead(ctx, l, head.ended(r))
}

// Settle closes a run that stayed open: stacks are the states as they are now,
// orphans what it made that is in none of them.
func (l *Lease) Settle(ctx context.Context, id string, stacks map[string]Version, orphans ...string) error {
	s := l.store
	document := settlement{Schema: "infra/run-settlement/v1", By: l.holder.Run, At: time.Now().UTC(), Stacks: stacks, Orphans: orphans}
	if _, err := s.put(ctx, s.recordKey(id, settledName), document, ""); err != nil && !errors.Is(err, errConflict) {
		return err // on a conflict an earlier attempt has got this far
	}
	next := l.Head()
	if next.Open == id {
		next.Open, next.Last = "", id
	}
	next.Stacks = maps.Clone(next.Stacks)
	if next.Stacks == nil {
		next.Stacks = map[string]Version{}
	}
	maps.Copy(next.Stacks, stacks)
	return s.swapHead(ctx, l, next)
}

// Note records a run that needs no lease, or ended before it had one: its end
// alone.
func (s *Store) Note(ctx context.Context, r *Record) error {
	if r.Ended.IsZero() {
		r.Ended = time.Now().UTC()
	}
	return s.append(ctx, r.Run, endName, r)
}

// PutPlan records what was planned and may be approved: its bundle's digest, and
// that of each plan. Nothing else changes, and no lease is needed: whoever may
// only plan may write this.
func (s *Store) PutPlan(ctx context.Context, run string, r *Record) error {
	return s.append(ctx, run, planName, r)
}

// GetPlan reads what PutPlan kept. The error's code is fault.Refused, and
// ErrNoRecord is in it, when the ledger knows no such plan.
func (s *Store) GetPlan(ctx context.Context, run string, into *Record) error {
	found := false
	var err error
	if identifier.MatchString(run) {
		found, err = s.read(ctx, run, planName, into)
	}
	if err == nil && !found {
		err = fault.New(fault.Refused, "find the plan "+run, fmt.Errorf("%w: it was not made by `infra plan %s --out`, or for another environment", ErrNoRecord, s.environment),
			"infra plan "+s.environment+" --out FILE")
	}
	return err
}

// read gets one object of a run; false when there is none.
func (s *Store) read(ctx context.Context, run, name string, into any) (bool, error) {
	key := s.recordKey(run, name)
	o, err := s.get(ctx, key)
	if errors.Is(err, errAbsent) || errors.Is(err, errNoBucket) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(o.data, into); err != nil {
		return false, s.damaged(key, err)
	}
	return true, nil
}

// names are all the objects that a run may have.
func names() []string { return []string{beginName, endName, planName, settledName} }

// assemble puts together what the ledger says of one run. A run that has
// begun and not ended is Unknown here. The named objects are read, all when
// none is named.
func (s *Store) assemble(ctx context.Context, id string, present ...string) (Record, error) {
	if len(present) == 0 {
		present = names()
	}
	var begin, end, plan Record
	var settled settlement
	found := map[string]*bool{}
	group, ctx := errgroup.WithContext(ctx)
	for name, into := range map[string]any{beginName: &begin, endName: &end, planName: &plan, settledName: &settled} {
		found[name] = new(bool)
		if slices.Contains(present, name) {
			group.Go(func() (err error) {
				*found[name], err = s.read(ctx, id, name, into)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return Record{}, err
	}
	r := Record{Schema: RecordSchema, Run: id, Environment: s.environment, Result: Unknown, Stacks: []StackRecord{}, Hosts: []HostRecord{}}
	switch {
	case *found[endName]:
		r = end
	case *found[beginName]:
		r = begin
		r.Result = Unknown
	case *found[planName]:
		r = plan
	case !*found[settledName]:
		return r, fault.New(fault.Usage, "find run "+id+" of "+s.environment, ErrNoRecord, "infra runs "+s.environment)
	}
	if r.Stacks == nil {
		r.Stacks = []StackRecord{}
	}
	if r.Hosts == nil {
		r.Hosts = []HostRecord{}
	}
	if *found[settledName] {
		r.settle(settled)
	}
	return r, nil
}

// settle adds what somebody else found out about the run.
func (r *Record) settle(by settlement) {
	r.closed, r.Result, r.RecoveredBy, r.Orphans = true, Recovered, by.By, by.Orphans
	if r.Ended.IsZero() {
		r.Ended = by.At
	}
	for name, version := range by.Stacks {
		i := slices.IndexFunc(r.Stacks, func(s StackRecord) bool { return s.Stack == name })
		if i < 0 {
			r.Stacks = append(r.Stacks, StackRecord{Stack: name})
			i = len(r.Stacks) - 1
		}
		r.Stacks[i].After = &version
	}
	slices.SortStableFunc(r.Stacks, func(a, b StackRecord) int { return strings.Compare(a.Stack, b.Stack) })
}
