package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// flock takes an exclusive lock on an open file. It polls, so that a cancelled
// context ends the wait.
func flock(ctx context.Context, descriptor int) error {
	for {
		err := unix.Flock(descriptor, unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// lock waits for the exclusive right to make something in the cache, and removes
// what others left half-made.
func lock(ctx context.Context, path string) (func() error, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, int(file.Fd())); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another bake: %w", err), file.Close())
	}
	for _, pattern := range []string{"bake-*", "seed-*"} {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), pattern))
		for _, dir := range left {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return file.Close, nil
}
