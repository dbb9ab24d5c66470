package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/host"
	"infra/internal/sandbox/volume"
)

// How long a host may take to shut down before its power is cut.
const (
	stopLimit      = 60 * time.Second
	terminateLimit = 10 * time.Second
	rebootLimit    = 60 * time.Second
)

// worker makes one instance's host what the API wants it to be.
type worker struct {
	r       *Reconciler
	id      string
	kicks   chan struct{}
	console host.Console

	// What only the worker's goroutine uses.
	boot     int       // the Boot that the container was started for
	reboots  int       // the Reboots that have been carried out
	deadline time.Time // when the power is cut; zero: nothing was asked
	asked    time.Time // when systemd was last asked to end
	reviving bool      // a reboot through the API is under way
	plugged  string    // the volumes inside the running container

	mu        sync.Mutex
	container string
	problem   string
}

func newWorker(r *Reconciler, id string) *worker {
	return &worker{r: r, id: id, kicks: make(chan struct{}, 1), container: "none"}
}

// kick makes the worker look again.
func (w *worker) kick() {
	select {
	case w.kicks <- struct{}{}:
	default:
	}
}

// report is what the container does and what is wrong.
func (w *worker) report() (container, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.container, w.problem
}

// noteContainer writes down what the container does.
func (w *worker) noteContainer(container string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.container = container
}

// noteProblem writes down what is wrong, or "", and says whether that is new.
func (w *worker) noteProblem(problem string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := problem != w.problem
	w.problem = problem
	return changed
}

// run steps until the instance and its container are gone.
func (w *worker) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.kicks:
		case <-timer.C:
		}
		again, done, err := w.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, emulator.ErrSuperseded) {
			again, err = pollEvery, nil // the next snapshot says where to
		}
		problem := w.r.state.Load().plan.Refused[w.id]
		if err != nil {
			again, problem = 2*time.Second, err.Error()
		}
		if w.noteProblem(problem) && problem != "" {
			w.r.log.Warn("host is not as it should be", "instance", w.id, "problem", problem)
		}
		if done && err == nil {
			return
		}
		timer.Reset(again)
	}
}

// step does what can be done now, and says when to look again at the latest.
func (w *worker) step(ctx context.Context) (again time.Duration, done bool, err error) {
	const idle = 10 * time.Second
	now := w.r.state.Load()
	instance, exists := now.instances[w.id]
	status, err := w.r.machine.Status(ctx, w.id)
	if err != nil {
		return 0, false, err
	}
	w.noteContainer(status.Text())
	if !exists || instance.State == emulator.Terminated {
		return 0, true, w.r.machine.Remove(ctx, w.id)
	}
	switch instance.State {
	case emulator.Pending, emulator.Running:
		if now.plan.Refused[w.id] != "" {
			return idle, false, nil
		}
		again, err = w.bringUp(ctx, now, instance, status)
		return again, false, err
	case emulator.Stopping:
		again, err = w.bringDown(ctx, instance, status, stopLimit)
		if err != nil || again > 0 {
			return again, false, err
		}
		return idle, false, w.confirm(ctx, instance, emulator.Stopped)
	case emulator.Stopped:
		if status.Running {
			return pollEvery, false, w.r.machine.Cut(ctx, w.id)
		}
		return idle, false, nil
	case emulator.ShuttingDown:
		again, err = w.bringDown(ctx, instance, status, terminateLimit)
		if err != nil || again > 0 {
			return again, false, err
		}
		if err := w.r.machine.Remove(ctx, w.id); err != nil {
			return 0, false, err
		}
		return pollEvery, false, w.confirm(ctx, instance, emulator.Terminated)
	default:
		return 0, false, fmt.Errorf("the API says that instance %s is %q", w.id, instance.State)
	}
}

// bringUp makes the container exist, run and boot, at the instance's newest
// boot.
func (w *worker) bringUp(ctx context.Context, now *state, instance emulator.Instance, status host.Status) (time.Duration, error) {
	const idle = 10 * time.Second
	if status.Running && instance.Reboots > w.reboots && w.boot == instance.Boot {
		return w.restart(ctx, instance)
	}
	if !status.Running {
		if w.boot == instance.Boot && status.Exists && !status.Rebooted && !w.reviving {
			// It was switched off from inside.
			w.r.log.Info("host has shut itself down", "instance", w.id)
			return idle, w.confirm(ctx, instance, emulator.Stopped)
		}
		if err := w.start(ctx, now, instance, status); err != nil {
			return 0, err
		}
		var err error
		if status, err = w.r.machine.Status(ctx, w.id); err != nil || !status.Running {
			return pollEvery, err
		}
		w.noteContainer(status.Text())
	}
	if w.reviving && time.Now().After(w.deadline) {
		return pollEvery, w.r.machine.Cut(ctx, w.id)
	}
	if err := w.plug(ctx, instance, status.PID); err != nil {
		return 0, err
	}
	if instance.State == emulator.Pending {
		if err := w.confirm(ctx, instance, emulator.Running); err != nil {
			return 0, err
		}
	}
	if w.reviving {
		return pollEvery, nil
	}
	return idle, nil
}

// start makes the container if need be and starts it.
func (w *worker) start(ctx context.Context, now *state, instance emulator.Instance, status host.Status) error {
	subnet, found := now.subnets[instance.Subnet]
	if !found {
		return fmt.Errorf("subnet %s does not exist", instance.Subnet)
	}
	if err := w.r.networks.ensure(ctx, subnet); err != nil {
		return err
	}
	if !status.Exists {
		if err := w.r.machine.Create(ctx, instance); err != nil {
			return err
		}
	}
	since := time.Now()
	if err := w.r.machine.Start(ctx, w.id); err != nil {
		return err
	}
	w.boot, w.reboots = instance.Boot, instance.Reboots
	w.deadline, w.asked, w.reviving, w.plugged = time.Time{}, time.Time{}, false, ""
	w.r.log.Info("host started", "instance", w.id, "name", instance.Tags["Name"], "address", instance.PrimaryAddress)
	w.r.running.Go(func() { w.followConsole(ctx, since) })
	return nil
}

// restart carries out a reboot that was asked for through the API.
func (w *worker) restart(ctx context.Context, instance emulator.Instance) (time.Duration, error) {
	w.r.log.Info("host reboots", "instance", w.id)
	if err := w.r.machine.Reboot(ctx, w.id); err != nil {
		return 0, err
	}
	w.reboots, w.reviving, w.deadline = instance.Reboots, true, time.Now().Add(rebootLimit)
	return pollEvery, nil
}

// bringDown ends the host the way that was asked for. It returns 0 when the
// host is down.
func (w *worker) bringDown(ctx context.Context, instance emulator.Instance, status host.Status, limit time.Duration) (time.Duration, error) {
	if !status.Running {
		return 0, nil
	}
	now := time.Now()
	if w.deadline.IsZero() || w.reviving {
		w.deadline, w.reviving = now.Add(limit), false
		w.asked = time.Time{}
		w.r.log.Info("host stops", "instance", w.id, "mode", instance.StopMode)
	}
	if instance.StopMode == emulator.Force || instance.StopMode == emulator.SkipOS || now.After(w.deadline) {
		return 100 * time.Millisecond, w.r.machine.Cut(ctx, w.id)
	}
	// Asked again now and then: a host that is just booting does not listen.
	if !status.Paused && now.Sub(w.asked) > 3*time.Second {
		w.asked = now
		return 100 * time.Millisecond, w.r.machine.ShutDown(ctx, w.id)
	}
	return 100 * time.Millisecond, nil
}

// confirm tells the API that the host has reached a state.
func (w *worker) confirm(ctx context.Context, instance emulator.Instance, reached emulator.State) error {
	return w.r.emulator.ConfirmState(ctx, w.id, instance.Boot, reached)
}

// plug makes the instance's volumes appear in the running container; the first
// time in a boot, the container's first program waits for it.
func (w *worker) plug(ctx context.Context, instance emulator.Instance, pid int) error {
	key := fmt.Sprint(pid)
	for _, attachment := range instance.Volumes {
		key += fmt.Sprintf(" %s:%d", attachment.ID, attachment.SizeGB)
	}
	if key == w.plugged {
		return nil
	}
	devices := map[string]volume.Device{}
	for _, attachment := range instance.Volumes {
		if attachment.Root {
			continue
		}
		made, _ := w.r.findVolume(attachment.ID)
		device, err := w.r.volumes.Attach(attachment.ID, attachment.SizeGB, made.Snapshot)
		if err != nil {
			return err
		}
		devices[attachment.ID] = device
	}
	if err := w.r.machine.Plug(pid, devices); err != nil {
		return fmt.Errorf("plug in the volumes of host %s: %w", w.id, err)
	}
	if w.plugged == "" {
		if err := w.r.machine.Boot(ctx, w.id, pid); err != nil {
			return err
		}
	}
	w.plugged = key
	return nil
}
