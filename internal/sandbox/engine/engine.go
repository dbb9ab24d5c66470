// Package engine runs a container engine that belongs to one sandbox alone: a
// dockerd of its own inside the sandbox's network namespace, with its own
// data, sockets, mounts and control groups. The machine's own Docker, if there
// is one, is neither used nor noticed.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/docker/docker/client"
	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/sandbox/network"
)

// systemContainerd is where the machine's own containerd would be found and
// used; the engine has an empty folder there.
const systemContainerd = "/run/containerd"

// Options say where an engine lives.
type Options struct {
	Layout  network.Layout
	RunDir  string // sockets and state; short, its path goes into socket names
	DataDir string // images and containers
	LogFile string
	Seed    string // data folder whose images the engine starts with, or ""
}

// Group is the control group of everything a sandbox runs.
func Group(layout network.Layout) string { return layout.Namespace() }

// Engine is a running dockerd.
type Engine struct {
	Client *client.Client
	// PID is that of dockerd.
	PID    int
	socket string
	done   chan struct{}
	err    error // why dockerd ended; read after done is closed
}

// Socket is where the engine of these options listens.
func (o Options) Socket() string { return filepath.Join(o.RunDir, "docker.sock") }

// arguments of dockerd. It manages neither the packet filter nor forwarding:
// the sandbox's network does.
func (o Options) arguments() []string {
	return []string{
		"--host", "unix://" + o.Socket(),
		"--data-root", o.DataDir,
		"--exec-root", filepath.Join(o.RunDir, "docker"),
		"--pidfile", filepath.Join(o.RunDir, "docker.pid"),
		"--config-file", filepath.Join(o.RunDir, "daemon.json"),
		"--exec-opt", "native.cgroupdriver=cgroupfs",
		"--cgroup-parent", "/" + Group(o.Layout),
		"--bridge", "none",
		"--iptables=false",
		"--ip6tables=false",
		"--ip-forward=false",
		"--ip-masq=false",
		"--userland-proxy=false",
		"--log-level", "warn",
	}
}

// Start runs dockerd and waits until it answers.
func Start(ctx context.Context, options Options) (*Engine, error) {
	const op = "start the sandbox's Docker Engine"
	for _, dir := range []string{options.RunDir, options.DataDir, systemContainerd} {
		if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // dockerd's own mode
			return nil, fault.New(fault.Failed, op, err, "")
		}
	}
	if err := os.WriteFile(filepath.Join(options.RunDir, "daemon.json"), []byte("{}\n"), 0o600); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	if options.Seed != "" {
		if err := plant(options.Seed, options.DataDir); err != nil {
			return nil, fault.New(fault.Failed, op, err, "")
		}
	}
	docker, err := client.NewClientWithOpts(client.WithHost("unix://"+options.Socket()), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	e := &Engine{Client: docker, socket: options.Socket(), done: make(chan struct{})}
	if err := e.launch(options); err != nil {
		return nil, fault.New(fault.Failed, op, errors.Join(err, docker.Close()), "")
	}
	if err := e.waitReady(ctx, options.LogFile); err != nil {
		return nil, fault.New(fault.Failed, op, errors.Join(err, e.Stop()), "read "+options.LogFile)
	}
	return e, nil
}

// launch starts dockerd in the sandbox's network namespace and in a mount
// namespace of its own, so that its mounts vanish with it.
func (e *Engine) launch(options Options) (err error) {
	log, err := os.OpenFile(options.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	namespace, err := os.Open(options.Layout.NamespacePath())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, namespace.Close()) }()
	command := exec.Command("dockerd", options.arguments()...) //nolint:noctx // Stop ends it
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	enterNetwork := func() error {
		if err := network.Enter(namespace); err != nil {
			return fmt.Errorf("enter the sandbox's network namespace: %w", err)
		}
		return nil
	}
	err = privately(enterNetwork, func() error {
		if err := hide(systemContainerd); err != nil {
			return fmt.Errorf("hide the machine's containerd: %w", err)
		}
		if options.Seed != "" {
			if err := graft(options.Seed, options.DataDir); err != nil {
				return err
			}
		}
		return startIn(command, filepath.Join(Group(options.Layout), "engine"))
	})
	if err != nil {
		return err
	}
	e.PID = command.Process.Pid
	go func() {
		e.err = command.Wait()
		close(e.done)
	}()
	return nil
}

func (e *Engine) waitReady(ctx context.Context, logFile string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, err := e.Client.Ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-e.done:
			return fmt.Errorf("dockerd ended at once (%w): %s", e.err, LastLine(logFile))
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer on %s: %w", e.socket, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Done is closed when dockerd has ended by itself or by Stop.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Err says why dockerd ended; call it after Done is closed.
func (e *Engine) Err() error { return e.err }

// Stop asks dockerd to end and waits; Reap ends what does not obey.
func (e *Engine) Stop() error {
	err := e.Client.Close()
	if kill := syscall.Kill(e.PID, syscall.SIGTERM); kill != nil && !errors.Is(kill, syscall.ESRCH) {
		err = errors.Join(err, fmt.Errorf("stop dockerd: %w", kill))
	}
	select {
	case <-e.done:
	case <-time.After(20 * time.Second):
		err = errors.Join(err, errors.New("dockerd does not end"))
	}
	return err
}

// Remove deletes what an engine that no longer runs has left on disk.
func Remove(options Options) error {
	err := errors.Join(os.RemoveAll(options.RunDir), os.RemoveAll(options.DataDir))
	// Only an empty folder goes: nobody else uses it.
	if gone := os.Remove(systemContainerd); gone != nil && !errors.Is(gone, fs.ErrNotExist) &&
		!errors.Is(gone, unix.ENOTEMPTY) && !errors.Is(gone, unix.EBUSY) {
		err = errors.Join(err, gone)
	}
	return err
}
