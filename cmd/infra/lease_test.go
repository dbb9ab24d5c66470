package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/sandbox/emulator"
)

// makeBucket makes the environment's bucket without a key: ETags are those of
// the bodies then, the harder case.
func (c *cloud) makeBucket(t *testing.T) {
	t.Helper()
	_, err := c.s3(t).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &c.bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// elsewhere is a holder on another machine.
func elsewhere(id string) run.Holder {
	return run.Holder{Run: id, Verb: "apply", Who: "ada", Host: "build-7", Since: time.Now().UTC(), Boot: "another machine", PID: 1, Start: 1, Dir: "/nowhere"}
}

// Two hundred at once: one holds it at any time; each has it in the end, or
// was told in time who does.
func TestRow21TwoHundredWantOneLease(t *testing.T) {
	t.Parallel()
	const many = 200
	c := newCloud(t)
	c.makeBucket(t)
	client := c.s3(t)

	// Nobody waits: exactly one has it.
	var winner atomic.Pointer[run.Lease]
	var won, locked atomic.Int32
	each(many, func(i int) {
		lease, err := run.NewStore(client, c.bucket, cloudAccount, "first").Acquire(t.Context(), elsewhere(fmt.Sprint("run-", i)), run.Wait{})
		switch {
		case err == nil:
			won.Add(1)
			winner.Store(lease)
		case fault.CodeOf(err) == fault.Locked:
			locked.Add(1)
		default:
			t.Error(err)
		}
	})
	if won.Load() != 1 || locked.Load() != many-1 {
		t.Fatalf("%d have it, %d were told that it is held", won.Load(), locked.Load())
	}
	winner.Load().Abandon()

	// All wait, one after the other has it: never two at once.
	won.Store(0)
	locked.Store(0)
	var inside, most atomic.Int32
	started := time.Now()
	each(many, func(i int) {
		s := run.NewStore(client, c.bucket, cloudAccount, "second")
		lease, err := s.Acquire(t.Context(), elsewhere(fmt.Sprint("run-", i)), run.Wait{Timeout: 15 * time.Second})
		if fault.CodeOf(err) == fault.Locked {
			locked.Add(1)
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		if now := inside.Add(1); now > most.Load() {
			most.Store(now)
		}
		if n := won.Add(1); n%10 == 1 { // a request costs as much as the rest
			held, _, err := s.Look(t.Context())
			if err != nil || held.Run != fmt.Sprint("run-", i) || held.Free() {
				t.Errorf("run-%d holds it, and it says %+v, %v", i, held, err)
			}
		}
		inside.Add(-1)
		if err := lease.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if most.Load() != 1 || won.Load() < 2 || won.Load()+locked.Load() != many {
		t.Errorf("%d were inside at once, %d had it and %d were told that it is held", most.Load(), won.Load(), locked.Load())
	}
	t.Logf("%d of %d had it one after the other in %s", won.Load(), many, time.Since(started).Round(10*time.Millisecond))
}

// each runs work n times side by side.
func each(n int, work func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

// FAULTS 23, on the real API: conflicts that the emulator makes up.
func TestRow23ConflictStorm(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.makeBucket(t)
	s := c.store(t)
	for _, conflict := range []struct {
		status int
		code   string
	}{{409, "ConditionalRequestConflict"}, {412, "PreconditionFailed"}} {
		status, code := conflict.status, conflict.code
		err := c.emulator.AddFaults(t.Context(), emulator.Fault{Service: "s3", Action: "PutObject", Path: "leases/", Status: status, ErrorCode: code, Count: 8})
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint("run-", status)
		lease, err := s.Acquire(t.Context(), elsewhere(id), run.Wait{})
		if err != nil {
			t.Fatal(err)
		}
		record := run.NewRecord(elsewhere(id), "cloud")
		if err := lease.Open(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		record.Result = run.Done
		if err := lease.Close(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := s.Runs(t.Context(), 10)
	if err != nil || len(runs) != 2 || runs[0].Run != "run-412" || runs[0].Result != run.Done {
		t.Errorf("the ledger has %+v, %v", runs, err)
	}
}

// FAULTS 24, on the real API.
func TestRow24BucketOfAnotherAccount(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if _, err := c.store(t).Acquire(t.Context(), elsewhere("one"), run.Wait{}); !strings.Contains(fmt.Sprint(err), "no state bucket") {
		t.Errorf("without a bucket: %v", err)
	}
	c.makeBucket(t)
	_, err := run.NewStore(c.s3(t), c.bucket, "210987654321", "cloud").Acquire(t.Context(), elsewhere("one"), run.Wait{})
	if fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "210987654321") {
		t.Errorf("a foreign bucket: %v", err)
	}
}

// The next sign of life meets whoever has taken the lease.
func TestStolenLeaseOnTheRealAPI(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.makeBucket(t)
	s := c.store(t)
	lease, err := s.Acquire(t.Context(), elsewhere("one"), run.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if skew := lease.Skew(); skew.Abs() > 2*time.Second {
		t.Errorf("the same machine's clock is off by %s", skew)
	}
	if _, err := c.s3(t).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &c.bucket, Key: aws.String("leases/cloud.json"), Body: strings.NewReader(`{"run":"thief"}`),
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lease.Context().Done():
		if cause := context.Cause(lease.Context()); !errors.Is(cause, run.ErrLost) {
			t.Errorf("cancelled by %v", cause)
		}
	case <-time.After(time.Minute):
		t.Error("a stolen lease was not noticed in a minute")
	}
}
