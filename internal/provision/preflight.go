package provision

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"infra/internal/account"
	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/guard"
	"infra/internal/trace"
)

const (
	// usualRun is how long credentials should still be good for: a first apply
	// with an EMR cluster takes about as long.
	usualRun = 30 * time.Minute
	// roomNeeded is what plans, logs and an errored state may take, in bytes.
	roomNeeded = 256 << 20
)

// Preflight refuses a run that would fail, or do harm, in the middle: from
// unreviewed code in a protected environment, with credentials that end too
// early, on a full disk.
func (p *Platform) Preflight(ctx context.Context, allowDirty bool) (err error) {
	ctx, end := trace.Start(ctx, "guard")
	defer end(&err)
	if err := p.room(); err != nil {
		return err
	}
	var facts guard.CredentialFacts
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if p.Env.Protected() && !allowDirty {
			p.Code, err = git.Look(asking, p.Project, true)
		}
		return err
	})
	group.Go(func() (err error) {
		facts.Expires, facts.Refreshable, err = account.Expiry(asking, p.aws)
		return err
	})
	group.Go(func() (err error) {
		facts.KeyCreated, err = account.KeyAge(asking, p.aws, p.Caller)
		return err
	})
	group.Go(func() error { return p.bucket.KeyUsable(asking) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := guard.Git(p.Code, p.Env.Name(), p.Env.Protected(), allowDirty); err != nil {
		return err
	}
	facts.Root = guard.IsRoot(p.Caller.ARN)
	warning, err := guard.Credentials(facts, p.Env.Name(), time.Now(), usualRun, p.Env.Protected())
	if warning != "" {
		p.Warn("%s", warning)
	}
	return err
}

// room refuses to begin on a full disk.
func (p *Platform) room() error {
	var disk unix.Statfs_t
	if err := unix.Statfs(p.Run.Dir, &disk); err != nil {
		return fault.New(fault.Failed, "look for free space in "+p.Run.Dir, err, "")
	}
	if disk.Bsize <= 0 {
		return fault.New(fault.Failed, "look for free space in "+p.Run.Dir, fmt.Errorf("a block of %d bytes makes no sense", disk.Bsize), "")
	}
	return guard.Space(p.Run.Dir, disk.Bavail*uint64(disk.Bsize), roomNeeded)
}
