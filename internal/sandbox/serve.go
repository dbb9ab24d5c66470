package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"infra/internal/fault"
	"infra/internal/process"
	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/engine"
	"infra/internal/sandbox/host"
	"infra/internal/sandbox/image"
	"infra/internal/sandbox/network"
	"infra/internal/sandbox/reconcile"
	"infra/internal/sandbox/services"
	"infra/internal/sandbox/volume"
)

// Serve is the daemon: it makes the sandbox, keeps it in step with the AWS
// API, and removes all of it when ctx ends or a SIGTERM or SIGINT arrives, or
// when one of its parts dies. Logs go to the standard error stream.
func Serve(ctx context.Context, config Config) error {
	config, err := config.settle()
	if err != nil {
		return err
	}
	if err := checkRoot("serve the sandbox"); err != nil {
		return err
	}
	// The terminal may close; the sandbox stays.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := adoptOrphans(); err != nil {
		return err
	}
	d := &daemon{config: config, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if err := d.begin(); err != nil {
		return err
	}
	failure := d.serve(ctx)
	if ctx.Err() != nil {
		failure = nil // it was asked to end
	}
	if errors.Is(failure, errExpired) {
		d.log.Info("the sandbox ends", "reason", failure)
		return d.expire()
	}
	if failure != nil {
		d.log.Error("the sandbox ends", "error", failure)
	}
	return errors.Join(failure, d.end(failure))
}

// daemon is a sandbox being served.
type daemon struct {
	config Config
	log    *slog.Logger
	record record
}

// begin writes down that this process is the sandbox, and where it will be.
func (d *daemon) begin() error {
	if err := os.MkdirAll(d.config.Dir, 0o755); err != nil { //nolint:gosec // its status is for everybody
		return err
	}
	self, err := process.Self()
	if err != nil {
		return err
	}
	layout := d.config.layout()
	// Sandboxes that start at once should not try the same number first.
	var preferred int
	if _, err := fmt.Sscanf(layout.ID[:2], "%x", &preferred); err != nil {
		return err
	}
	if layout.Number, err = network.FreeNumber(preferred); err != nil {
		return err
	}
	mounted, err := namespacesMounted()
	if err != nil {
		return err
	}
	d.record = record{
		Phase: starting, Since: time.Now().UTC().Truncate(time.Second), Endpoint: d.config.Endpoint,
		Environment: d.config.Environment,
		Daemon:      self, Layout: layout, NamespacesMounted: mounted,
	}
	if d.record.WatchesBefore, err = raiseWatches(watchesFile); err != nil {
		return err
	}
	return d.record.write(d.config)
}

// step tells people what happens now.
func (d *daemon) step(text string) {
	d.log.Info(text)
	file, err := os.OpenFile(d.config.progressFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(file, text)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		d.log.Warn("report progress", "error", err)
	}
}

// serve makes all parts, in order, and returns when ctx ends or a part dies.
func (d *daemon) serve(ctx context.Context) error {
	layout := d.record.Layout
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	cache = filepath.Join(cache, "infra")
	root, err := image.Ensure(ctx, cache, d.step)
	if err != nil {
		return err
	}
	d.step("making the network " + layout.Namespace())
	if err := network.Create(ctx, layout); err != nil {
		return fault.New(fault.Failed, "make the sandbox's network", err, d.config.command("down")+", then: "+d.config.command("up"))
	}
	d.step("starting the AWS emulator on " + d.config.Endpoint)
	api, err := d.startEmulator(ctx)
	if err != nil {
		return err
	}
	docker, reference, err := d.startEngine(ctx, cache, root)
	if err != nil {
		return err
	}
	volumes, err := volume.NewStore(d.config.volumesDir())
	if err != nil {
		return err
	}
	machine := &host.Machine{Docker: docker.Client, Layout: layout, Image: reference}
	reconciler := reconcile.New(api.Client(), machine, volumes, d.log)
	link, err := services.Start(ctx, services.Config{
		Namespace: layout.NamespacePath(), EmulatorURL: d.config.Endpoint, Dir: d.config.servicesDir(),
		Region: d.config.Region, Snapshot: reconciler.Snapshot, Log: d.log,
	})
	if err != nil {
		return err
	}
	machine.CA = link.CACertificate()
	if err := replace(d.config.CertificateFile(), machine.CA); err != nil {
		return err
	}
	d.record.Phase = running
	if err := d.record.write(d.config); err != nil {
		return err
	}
	d.step("the sandbox runs: the AWS API is at " + d.config.Endpoint)
	return d.run(ctx, api, docker, reconciler, link)
}

// startEngine starts the engine with the host image in it.
func (d *daemon) startEngine(ctx context.Context, cache, root string) (*engine.Engine, string, error) {
	options := d.config.engineOptions(d.record.Layout)
	seed, err := image.Seed(ctx, cache, root, options, d.step)
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		// The cache's file system may not suit the engine; loading always works.
		d.log.Warn("no seed for the Docker Engine", "error", err)
	}
	options.Seed = seed
	d.step("starting the Docker Engine of the sandbox")
	docker, err := engine.Start(ctx, options)
	if err != nil {
		return nil, "", err
	}
	if seed == "" {
		d.step("loading the host image")
	}
	reference, err := image.Import(ctx, docker.Client, root)
	return docker, reference, err
}

func (d *daemon) startEmulator(ctx context.Context) (*emulator.Process, error) {
	port, err := d.config.port()
	if err != nil {
		return nil, err
	}
	api, err := emulator.Start(ctx, emulator.Options{
		Dir: d.config.emulatorDir(), Python: d.config.Python, Port: port, Account: d.config.Account,
		PublicCIDR: d.record.Layout.PublicRange().String(), Hosts: true, EnforceHostRoles: true,
	})
	if err != nil {
		return nil, err
	}
	// It ends with the sandbox even when this daemon is killed.
	err = engine.Adopt(engine.Group(d.record.Layout), api.PID())
	if err == nil {
		d.record.Emulator, err = process.Of(api.PID())
	}
	if err == nil {
		err = d.record.write(d.config)
	}
	if err != nil {
		return nil, errors.Join(err, api.Stop())
	}
	return api, nil
}

// run reconciles until something ends it.
func (d *daemon) run(ctx context.Context, api *emulator.Process, docker *engine.Engine, reconciler *reconcile.Reconciler, link *services.Services) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- reconciler.Run(ctx) }()
	var failure error
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var told Status
	for failure == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-api.Done():
			failure = fault.New(fault.Failed, "run the sandbox", errors.New("the AWS emulator has died, and its resources with it"), d.config.command("reset"))
		case <-docker.Done():
			failure = fault.New(fault.Failed, "run the sandbox", fmt.Errorf("the Docker Engine has died: %w", docker.Err()), d.config.command("reset"))
		case <-ticker.C:
			if failure = d.overdue(); failure != nil {
				continue
			}
			now := describe(d.config, d.record.Layout, reconciler.Snapshot(), reconciler.Hosts(), reconciler.Subnets())
			if reflect.DeepEqual(now, told) {
				continue
			}
			if err := writeJSON(d.config.statusFile(), now); err != nil {
				d.log.Warn("write the status", "error", err)
				continue
			}
			told = now
		}
	}
	cancel()
	return errors.Join(failure, link.Close(), <-ended, api.Stop())
}

// end removes everything and leaves in the record why, if it was a failure.
func (d *daemon) end(failure error) error {
	d.record.Phase = ending
	if err := d.record.write(d.config); err != nil {
		d.log.Error("write the record", "error", err)
	}
	err := errors.Join(clean(context.Background(), d.config, d.record), reapOrphans(endLimit))
	if err != nil {
		d.log.Error("remove the sandbox", "error", err)
	}
	if failure == nil && err == nil {
		return nil
	}
	d.record.Phase, d.record.Error, d.record.Hint = failed, errors.Join(failure, err).Error(), fault.HintOf(failure)
	if d.record.Hint == "" {
		d.record.Hint = "read " + d.config.LogFile() + ", then: " + d.config.command("reset")
	}
	return errors.Join(err, d.record.write(d.config))
}
