package run

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// readers is how many runs are read at once.
const readers = 16

// identifier is what a run's id may be made of: it becomes part of a key.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$`)

// Runs are the newest n runs, newest first. One that holds the lease is
// Running; one that began to change something and is neither alive nor ended
// is Unknown.
func (s *Store) Runs(ctx context.Context, n int) ([]Record, error) {
	held, head, present, err := s.present(ctx, func(reading context.Context) (map[string][]string, error) { return s.newest(reading, n) })
	if err != nil {
		return nil, err
	}
	ids := candidates(slices.Sorted(maps.Keys(present)), n)
	records := make([]Record, len(ids))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, id := range ids {
		group.Go(func() (err error) {
			records[i], err = s.assemble(reading, id, present[id]...)
			records[i].judge(held, head)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(records, func(a, b Record) int { return b.Started.Compare(a.Started) })
	if alive := s.alive(held); alive != nil && !slices.Contains(ids, held.Run) {
		records = append([]Record{*alive}, records...)
	}
	return records[:min(n, len(records))], nil
}

// present looks at lease and head while it lists runs, each with its objects.
func (s *Store) present(ctx context.Context, list func(context.Context) (map[string][]string, error)) (held Held, head Head, found map[string][]string, err error) {
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		held, head, err = s.Look(reading)
		return err
	})
	group.Go(func() (err error) {
		found, err = list(reading)
		return err
	})
	err = group.Wait()
	return held, head, found, err
}

// candidates are, newest first, the ids among which the newest n runs are:
// those of one second are in no order, so all of the last one's second count.
func candidates(sorted []string, n int) []string {
	ids := slices.Clone(sorted)
	slices.Reverse(ids)
	for n > 0 && n < len(ids) && second(ids[n]) == second(ids[n-1]) {
		n++
	}
	return ids[:min(n, len(ids))]
}

// second is the time that an id begins with.
func second(id string) string {
	stamp, _, _ := strings.Cut(id, "-")
	return stamp
}

// Find is one run by its id; ErrNoRecord is in the error when the ledger has
// no such run.
func (s *Store) Find(ctx context.Context, id string) (Record, error) {
	if !identifier.MatchString(id) {
		return Record{}, fault.New(fault.Usage, "find run "+id+" of "+s.environment, ErrNoRecord, "infra runs "+s.environment)
	}
	var held Held
	var head Head
	var r Record
	var missing error
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		held, head, err = s.Look(ctx)
		return err
	})
	group.Go(func() (err error) {
		r, err = s.assemble(ctx, id)
		if errors.Is(err, ErrNoRecord) {
			missing = err
			return nil
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return Record{}, err
	}
	if alive := s.alive(held); missing != nil && alive != nil && held.Run == id {
		return *alive, nil
	}
	r.judge(held, head)
	return r, missing
}

// judge tells a run that goes on from one that will never say how it ended,
// and from one that died just before its first change.
func (r *Record) judge(held Held, head Head) {
	if r.Result != Unknown || !r.Ended.IsZero() {
		return
	}
	dead, _ := held.Dead()
	switch {
	case held.Run == r.Run && !held.Free() && !dead:
		r.Result = Running
	case head.Open != r.Run && r.Run != "":
		r.Result, r.Error = Failed, "it died before it changed anything"
	}
}

// alive is the run that holds the lease, which has no record before its first
// change; nil when nobody does.
func (s *Store) alive(held Held) *Record {
	if dead, _ := held.Dead(); held.Free() || dead {
		return nil
	}
	return &Record{
		Schema: RecordSchema, Run: held.Run, Verb: held.Verb, Environment: s.environment, Who: held.Who, Host: held.Host, Caller: held.Caller,
		Commit: held.Commit, Rollout: held.Rollout, Started: held.Since, Result: Running, Stacks: []StackRecord{}, Hosts: []HostRecord{},
	}
}

// dayOf is the day that an id begins with.
const dayOf = "20060102"

// newest lists the objects of at least the newest n runs, by run. Ids begin
// with a time, so listing may begin at a day; the ledger is never shortened
// and the whole of it is read only when the last months do not have enough.
func (s *Store) newest(ctx context.Context, n int) (map[string][]string, error) {
	now := time.Now().UTC()
	for _, from := range []time.Time{now.AddDate(0, 0, -7), now.AddDate(0, -3, 0), {}} {
		after := s.prefix()
		if !from.IsZero() {
			after += from.Format(dayOf)
		}
		found, err := s.list(ctx, after)
		if err != nil || len(found) >= n || from.IsZero() {
			return found, err
		}
	}
	return nil, nil
}

func (s *Store) list(ctx context.Context, after string) (map[string][]string, error) {
	found := map[string][]string{}
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.bucket, ExpectedBucketOwner: &s.account, Prefix: aws.String(s.prefix()), StartAfter: aws.String(after),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			err = s.explain(ctx, "list the runs of "+s.environment, err)
			if errors.Is(err, errNoBucket) {
				return found, nil
			}
			return nil, err
		}
		for _, object := range page.Contents {
			id, name, nested := strings.Cut(strings.TrimPrefix(aws.ToString(object.Key), s.prefix()), "/")
			name, isJSON := strings.CutSuffix(name, ".json")
			if nested && isJSON && slices.Contains(names(), name) {
				found[id] = append(found[id], name)
			}
		}
	}
	return found, nil
}
