package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/account"
	"infra/internal/process"
)

// LeaseFile is the name of what WriteFile leaves in a run's directory.
const LeaseFile = "lease.json"

// leaseFile is what a supervisor needs to go on keeping a lease. It holds no
// credentials: those are the supervisor's own.
type leaseFile struct {
	Bucket      string         `json:"bucket"`
	Account     string         `json:"account"`
	Environment string         `json:"environment"`
	Target      account.Target `json:"target"`
	Holder      Holder         `json:"holder"`
}

// File is the path of what WriteFile wrote; empty before.
func (l *Lease) File() string { return l.file }

// WriteFile leaves in dir what a supervisor needs to keep the lease should
// this process die, readable by its owner alone, and File gives its path.
func (l *Lease) WriteFile(dir string, target account.Target) error {
	data, err := json.Marshal(leaseFile{
		Bucket: l.store.bucket, Account: l.store.account, Environment: l.store.environment, Target: target, Holder: l.holder,
	})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, LeaseFile)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	l.file = path
	return nil
}

// Orphan keeps a lease in the place of the infra that took it and has died:
// a supervisor calls it while the program that it started comes to its end.
// stop ends that and, when it is given a reason, marks the lease as given back,
// so that the next run need not wait until it is dead: only the last supervisor
// of a run may give one. The head still calls the run open. The error has
// ErrLost in it when the lease is somebody else's by now.
func Orphan(ctx context.Context, path string) (stop func(reason string), err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the lease that infra has left: %w", err)
	}
	var file leaseFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read the lease that infra has left: %w", err)
	}
	cfg, err := account.Config(ctx, file.Target)
	if err != nil {
		return nil, err
	}
	s := NewStore(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = file.Target.Endpoint != "" }), file.Bucket, file.Account, file.Environment)
	return s.adopt(ctx, file.Holder)
}

func (s *Store) adopt(ctx context.Context, h Holder) (stop func(reason string), err error) {
	// What the dead infra has changed is not known here, so the lease is never
	// given up by oneself: open.
	l := &Lease{store: s, holder: h, open: true, last: time.Now()}
	l.start(ctx)
	if err := l.beat(ctx); errors.Is(err, ErrLost) {
		l.Abandon()
		return nil, err
	}
	infra := process.Identity{PID: h.PID, Start: h.Start, Boot: h.Boot}
	return func(reason string) {
		l.Abandon()
		if reason == "" || infra.Alive() {
			return // somebody else gives it back
		}
		// A lease that could not be given back is found dead: its processes are gone.
		_ = l.giveBack(ctx, reason)
	}, nil
}
