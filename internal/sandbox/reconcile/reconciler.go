// Package reconcile makes a sandbox's reality match what the AWS API says:
// containers for instances, bridges for subnets, the packet filter for
// addresses and security groups, loop devices for volumes. It tells the API
// when a host has reached the state that was asked for, so that the API's
// answer proves something.
//
// One loop reads the snapshot and changes the packet filter at once; every
// instance has a worker of its own, so that one slow host delays no other.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/host"
	"infra/internal/sandbox/network"
	"infra/internal/sandbox/volume"
)

// pollEvery is how often the API is asked whether something has changed.
const pollEvery = 300 * time.Millisecond

// Reconciler holds what exists. Make one with New and call Run.
type Reconciler struct {
	emulator *emulator.Client
	machine  *host.Machine
	volumes  *volume.Store
	layout   network.Layout
	log      *slog.Logger

	state    atomic.Pointer[state]
	networks networks
	kickAll  chan struct{}

	mu      sync.Mutex
	workers map[string]*worker
	imaging map[string]bool // snapshots and machine images that are being made
	running sync.WaitGroup
}

// state is a snapshot with what follows from it.
type state struct {
	snapshot  emulator.Snapshot
	plan      network.Plan
	instances map[string]emulator.Instance // those with hosts, and those refused
	subnets   map[string]emulator.Subnet
}

// New makes a Reconciler; nothing happens before Run.
func New(api *emulator.Client, machine *host.Machine, volumes *volume.Store, log *slog.Logger) *Reconciler {
	r := &Reconciler{
		emulator: api, machine: machine, volumes: volumes, layout: machine.Layout, log: log,
		kickAll: make(chan struct{}, 1),
		workers: map[string]*worker{}, imaging: map[string]bool{},
	}
	r.networks.machine = machine
	r.state.Store(&state{})
	return r
}

// Snapshot is the newest snapshot that was read.
func (r *Reconciler) Snapshot() emulator.Snapshot { return r.state.Load().snapshot }

// Host is what an instance looks like from here.
type Host struct {
	Instance  emulator.Instance
	Container string // "running", "exited", "paused", "none"
	Problem   string // what keeps it from its state, or ""
}

// Hosts lists the instances that have, or should have, a host.
func (r *Reconciler) Hosts() []Host {
	now := r.state.Load()
	var hosts []Host
	for _, instance := range now.snapshot.Instances {
		if _, found := now.instances[instance.ID]; !found {
			continue
		}
		one := Host{Instance: instance, Container: "none"}
		r.mu.Lock()
		if w := r.workers[instance.ID]; w != nil {
			one.Container, one.Problem = w.report()
		}
		r.mu.Unlock()
		hosts = append(hosts, one)
	}
	return hosts
}

// Run reconciles until ctx ends, and returns when all workers have ended.
func (r *Reconciler) Run(ctx context.Context) error {
	defer r.running.Wait()
	r.running.Go(func() { r.watch(ctx) })
	var filter filter
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var failing bool
	for {
		snapshot, err := r.emulator.Snapshot(ctx, r.state.Load().snapshot.Version)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !failing {
				r.log.Warn("the AWS emulator does not answer", "error", err)
			}
			failing = true
		default:
			failing = false
			if !snapshot.Unchanged {
				r.take(ctx, snapshot)
			}
			r.filter(ctx, &filter)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// take makes a new snapshot the wanted state and wakes who is concerned.
func (r *Reconciler) take(ctx context.Context, snapshot emulator.Snapshot) {
	next := &state{
		snapshot: snapshot, plan: network.NewPlan(snapshot, r.networks.vpcs(r.state.Load())),
		instances: map[string]emulator.Instance{}, subnets: map[string]emulator.Subnet{},
	}
	for _, subnet := range snapshot.Subnets {
		next.subnets[subnet.ID] = subnet
	}
	for _, instance := range snapshot.Instances {
		if instance.EMRCluster == "" && instance.Subnet != "" {
			next.instances[instance.ID] = instance
		}
	}
	r.state.Store(next)
	r.mu.Lock()
	for id, instance := range next.instances {
		if r.workers[id] == nil && instance.State != emulator.Terminated {
			r.employ(ctx, id)
		}
	}
	for _, w := range r.workers {
		w.kick()
	}
	r.imagine(ctx, snapshot.VolumeSnapshots)
	r.keepImages(ctx, snapshot.Images)
	r.mu.Unlock()
	select {
	case r.kickAll <- struct{}{}:
	default:
	}
}

// employ starts a worker for an instance; r.mu is held.
func (r *Reconciler) employ(ctx context.Context, id string) {
	w := newWorker(r, id)
	r.workers[id] = w
	r.running.Go(func() {
		w.run(ctx)
		r.mu.Lock()
		delete(r.workers, id)
		r.mu.Unlock()
	})
}

// filter applies the packet filter when it has changed, and ends connections
// to addresses that have moved.
func (r *Reconciler) filter(ctx context.Context, now *filter) {
	wanted := r.state.Load()
	if now.version == wanted.snapshot.Version && now.applied != "" {
		return
	}
	ruleset := network.Ruleset(r.layout, wanted.snapshot, wanted.plan)
	if ruleset != now.applied {
		if err := network.Apply(ctx, r.layout, ruleset); err != nil {
			r.log.Error("apply the packet filter", "error", err)
			return // again at the next tick
		}
		now.applied = ruleset
	}
	mapping := network.Mapping(wanted.snapshot, wanted.plan)
	for public, private := range now.mapping {
		if mapping[public] == private {
			continue
		}
		if err := network.Forget(ctx, r.layout, public); err != nil {
			r.log.Error("end connections to a moved address", "address", public, "error", err)
			return
		}
		r.log.Info("public address moved", "address", public, "from", private, "to", mapping[public])
		delete(now.mapping, public)
	}
	now.mapping, now.version = mapping, wanted.snapshot.Version
}

// filter is the packet filter in force.
type filter struct {
	applied string
	mapping map[string]string
	version uint64
}

// watch wakes workers whose container has changed, and cleans up what no
// instance needs any more.
func (r *Reconciler) watch(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	messages, errs := r.subscribe(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-messages:
			r.wake(message.Actor.Attributes["name"])
			continue
		case err := <-errs:
			if ctx.Err() != nil {
				return
			}
			r.log.Warn("the events of the Docker Engine broke off", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
			messages, errs = r.subscribe(ctx)
			r.wakeAll()
		case <-r.kickAll:
		case <-ticker.C:
		}
		r.sweep(ctx)
	}
}

func (r *Reconciler) subscribe(ctx context.Context) (<-chan events.Message, <-chan error) {
	return r.machine.Docker.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionDie)),
		filters.Arg("event", string(events.ActionPause)),
		filters.Arg("event", string(events.ActionUnPause)),
	)})
}

func (r *Reconciler) wake(instance string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.workers[instance]; w != nil {
		w.kick()
	}
}

func (r *Reconciler) wakeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		w.kick()
	}
}

// sweep frees volumes and networks that nothing uses.
func (r *Reconciler) sweep(ctx context.Context) {
	err := r.volumes.Sweep(
		r.exists,
		func(id string) bool { v, found := r.findVolume(id); return found && v.Instance != "" },
	)
	err = errors.Join(err, r.networks.sweep(ctx, r.state.Load))
	if err != nil && ctx.Err() == nil {
		r.log.Warn("clean up behind the hosts", "error", err)
	}
}

func (r *Reconciler) findVolume(id string) (emulator.Volume, bool) {
	for _, v := range r.state.Load().snapshot.Volumes {
		if v.ID == id {
			return v, true
		}
	}
	return emulator.Volume{}, false
}

// Subnets are those that exist as networks, or are about to.
func (r *Reconciler) Subnets() []emulator.Subnet { return r.state.Load().plan.Subnets }
