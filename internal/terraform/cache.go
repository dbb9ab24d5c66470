package terraform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cacheWait is how often a busy cache is looked at again.
const cacheWait = 200 * time.Millisecond

// takeTurns keeps every other `terraform init` of this machine's infra away while
// the configuration names a shared plugin cache: Terraform writes into it
// without a lock, and two that install one provider at once break it. The
// lock is on the configuration itself, which all who share the cache read;
// the kernel releases it when the process ends, however it ends. Without a
// cache there is nothing to wait for.
func takeTurns(ctx context.Context, config string) (unlock func(), err error) {
	text, err := os.ReadFile(config)
	if config == "" || errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), "plugin_cache_dir") {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Terraform's configuration: %w", err)
	}
	file, err := os.Open(config)
	if err != nil {
		return nil, fmt.Errorf("read Terraform's configuration: %w", err)
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil // only read; closing gives the lock back
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", config, err), file.Close())
		}
		select {
		case <-time.After(cacheWait):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		}
	}
}
