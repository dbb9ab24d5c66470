package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"infra/internal/fault"
	"infra/internal/process"
	"infra/internal/sandbox/engine"
	"infra/internal/sandbox/network"
	"infra/internal/sandbox/volume"
)

// endLimit is how long the daemon may take to remove everything itself.
const endLimit = 60 * time.Second

// Down ends the sandbox and removes everything that it has made on the
// machine; logs stay, except a clone's, of which nothing does. It works on a
// sandbox whose daemon was killed, and ending one that does not run is no error.
func Down(ctx context.Context, config Config, progress func(string)) error {
	config, err := config.settle()
	if err != nil {
		return err
	}
	if err := remove(ctx, config, progress); err != nil {
		return err
	}
	return config.discard(config.ownFolder()...)
}

// remove is Down, but for what belongs to the sandbox's environment.
func remove(ctx context.Context, config Config, progress func(string)) error {
	const op = "end the sandbox"
	config, err := config.settle()
	if err != nil {
		return err
	}
	if err := checkRoot(op); err != nil {
		return err
	}
	found, err := readRecord(config)
	if err != nil {
		// What exists is found by the sandbox's id all the same.
		progress("the sandbox's record is unreadable, cleaning up without it")
		found = record{}
	}
	if found.Daemon.Alive() {
		progress("ending the sandbox")
		if err := endDaemon(ctx, found.Daemon); err != nil {
			return fault.New(fault.Failed, op, err, config.command("down"))
		}
	}
	found.Layout.ID = config.layout().ID
	if err := clean(ctx, config, found); err != nil {
		return fault.New(fault.Failed, op, err, config.command("down"))
	}
	progress("the sandbox is gone")
	return nil
}

// endDaemon asks the daemon to end, and kills it when it does not.
func endDaemon(ctx context.Context, daemon process.Identity) error {
	if err := daemon.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	deadline := time.Now().Add(endLimit)
	for daemon.Alive() {
		if time.Now().After(deadline) {
			if err := daemon.Signal(syscall.SIGKILL); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// clean removes everything that a sandbox can have made, in the reverse of the
// order in which it was made. It needs no daemon and no engine to answer, and
// goes on when a part fails.
func clean(ctx context.Context, config Config, made record) error {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	errs := []error{
		engine.Reap(ctx, engine.Group(made.Layout)),
		endGroup(ctx, made.Emulator),
		network.Remove(ctx, made.Layout),
		volume.Remove(config.volumesDir()),
		engine.Remove(config.engineOptions(made.Layout)),
	}
	others, err := otherSandboxes(made.Layout.Namespace())
	errs = append(errs, err, restoreWatches(watchesFile, made.WatchesBefore, others))
	if made.Daemon.PID != 0 && !made.NamespacesMounted {
		errs = append(errs, releaseNamespaces())
	}
	// Why the emulator died is worth keeping.
	const emulatorLog = "emulator.log"
	err = os.Rename(filepath.Join(config.emulatorDir(), emulatorLog), filepath.Join(config.Dir, emulatorLog))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, dir := range []string{config.servicesDir(), config.emulatorDir()} {
		errs = append(errs, os.RemoveAll(dir))
	}
	files := []string{config.CertificateFile(), config.statusFile(), config.progressFile(), config.lifetimeFile()}
	if errors.Join(errs...) == nil {
		files = append(files, config.recordFile()) // last: it says what is still to be removed
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// endGroup kills the process group of a recorded leader.
func endGroup(ctx context.Context, leader process.Identity) error {
	for leader.Alive() {
		if err := syscall.Kill(-leader.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill process group %d: %w", leader.PID, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
