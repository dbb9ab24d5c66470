//go:build endtoend

package main

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/git"
	"infra/internal/guard"
	"infra/internal/run"
	"infra/internal/sandbox/proxy"
	"infra/internal/stack"
	"infra/internal/state"
)

// latency is what S3 and the other services take to answer in the benchmark,
// the emulator's own time (7 to 8 ms a request) counted in.
const latency = 10 * time.Millisecond

// trust measures, in seconds, what a run spends on guards, lease and ledger:
// the calls that package provision makes around Terraform and Ansible, in its
// order, with services that answer after 10 ms. The median of many counts.
func (p *platform) trust(t *testing.T) float64 {
	t.Helper()
	env, err := environment.Load(p.project, "e2e")
	if err != nil {
		t.Fatal(err)
	}
	far, err := proxy.Start(p.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := far.Close(); err != nil {
			t.Error(err)
		}
	}()
	far.Rules(proxy.Rule{Do: proxy.Pace(latency)})
	target := account.TargetOf(env)
	target.Endpoint = far.URL()
	checkout, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 21
	samples := make([]sample, 0, rounds)
	for range rounds {
		r, err := run.New(t.TempDir(), "e2e")
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		if err := oneRun(t, env, target, checkout, r); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample{wall: time.Since(started)})
	}
	return median(samples)
}

// oneRun is a run that changes nothing, from its first guard to the end of
// its lease.
func oneRun(t *testing.T, env *environment.Environment, target account.Target, checkout string, r *run.Run) error {
	ctx := t.Context()
	cfg, err := account.Config(ctx, target)
	if err != nil {
		return err
	}
	bucket := state.NewBucket(cfg, env.StateBucket(), env.Account(), true, nil)
	store := run.NewStore(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), bucket.Name, env.Account(), env.Name())
	var caller account.Identity
	var code guard.GitFacts
	both, asking := errgroup.WithContext(ctx)
	both.Go(func() (err error) { caller, err = account.Caller(asking, cfg, target); return err })
	both.Go(func() (err error) { code, err = git.Look(asking, checkout, false); return err })
	if err := both.Wait(); err != nil {
		return err
	}
	preflight, asking := errgroup.WithContext(ctx)
	preflight.Go(func() error { _, err := account.KeyAge(asking, cfg, caller); return err })
	preflight.Go(func() error { return bucket.KeyUsable(asking) })
	if err := preflight.Wait(); err != nil {
		return err
	}
	var keys []string
	for _, product := range stack.Products().Names() {
		keys = append(keys, stack.Stack{Product: product, Environment: env.Name()}.StateKey())
	}
	var lease *run.Lease
	taking, asking := errgroup.WithContext(ctx)
	taking.Go(func() (err error) {
		lease, err = store.Acquire(ctx, run.NewHolder(r, "bench", caller.ARN, code.Commit), run.Wait{})
		return err
	})
	for _, key := range keys {
		taking.Go(func() error { return bucket.Probe(asking, key) })
	}
	if err := taking.Wait(); err != nil {
		return err
	}
	if err := lease.WriteFile(r.Dir, target); err != nil {
		return err
	}
	record := run.NewRecord(run.NewHolder(r, "bench", caller.ARN, code.Commit), env.Name())
	if err := lease.Open(ctx, record); err != nil {
		return err
	}
	reads, asking := errgroup.WithContext(ctx)
	for _, key := range keys {
		reads.Go(func() error {
			if _, err := bucket.Read(asking, key); !errors.Is(err, state.ErrAbsent) {
				return err
			}
			return nil
		})
	}
	if err := reads.Wait(); err != nil {
		return err
	}
	record.Result = run.Done
	if err := lease.Close(ctx, record); err != nil {
		return err
	}
	return lease.Release(ctx)
}
