package zkdrill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/drill"
	"infra/internal/history"
	"infra/internal/ssh"
	"infra/internal/zookeeper"
)

// Settings say how a drill is run.
type Settings struct {
	Ensemble  Ensemble
	Client    *ssh.Client
	EC2       *ec2.Client
	Work      zookeeper.Work
	Scenarios []Scenario
	Rounds    int
	Evidence  string // folder for what the servers say of a scenario that did not pass
	// Progress is told in a line what goes on.
	Progress func(text string)
}

// ErrUnhealthy refuses a drill on an ensemble that is not whole.
var ErrUnhealthy = errors.New("the ensemble is not healthy")

// exercise is a drill while it runs.
type exercise struct {
	Settings
	hosts    drill.Hosts
	machines drill.Machines
	watch    *watch
	reach    dial
	number   int // of the scenario, over all rounds
}

// Run runs the scenarios one after the other and returns what was found, also
// when it had to stop early. What it did is undone before it returns, whatever
// happens.
func Run(ctx context.Context, settings Settings) (results []Result, err error) {
	x := &exercise{
		Settings: settings, watch: &watch{},
		hosts:    drill.Hosts{Client: settings.Client, Program: "java", Folders: []string{dataDirectory, logDirectory}},
		machines: drill.Machines{Client: settings.EC2},
	}
	if status := x.health(ctx); !whole(status) {
		return nil, fmt.Errorf("%w: %s", ErrUnhealthy, strings.Join(status.Problems, "; "))
	}
	way, err := forward(ctx, x.Client, x.Ensemble)
	if err != nil {
		return nil, err
	}
	x.reach = way.Dial
	watching, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, host := range x.Ensemble.Servers {
		group.Go(func() { x.watch.server(watching, x.Client, host) })
	}
	defer func() {
		stop()
		group.Wait()
		err = errors.Join(err, x.clean(ctx), way.Close())
	}()
	for round := 1; round <= max(1, x.Rounds); round++ {
		for _, scenario := range x.Scenarios {
			result, err := x.run(ctx, scenario, round)
			if result != nil {
				results = append(results, *result)
			}
			if err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// health asks the servers. A host that is away does not say so.
func (x *exercise) health(ctx context.Context) zookeeper.Status { return x.Work.Look(ctx) }

func whole(s zookeeper.Status) bool { return s.Serving && len(s.Problems) == 0 }

// run runs one scenario. The error says that the drill cannot go on.
func (x *exercise) run(ctx context.Context, scenario Scenario, round int) (*Result, error) {
	s := &scene{ensemble: x.Ensemble, hosts: x.hosts, machines: x.machines, health: x.health, work: x.Work}
	s.work.Tell, s.work.Touched = func(zookeeper.Step) {}, x.Work.Touched
	if problems, err := s.awaitHealth(ctx, repairLimit); err != nil || len(problems) > 0 {
		return nil, errors.Join(err, fmt.Errorf("before %s: %w: %s", scenario.Name, ErrUnhealthy, strings.Join(problems, "; ")))
	}
	x.number++
	x.watch.begin()
	load, err := begin(x.Ensemble.addresses(), x.number, x.reach)
	if err != nil {
		return nil, fmt.Errorf("before %s: %w", scenario.Name, err)
	}
	o := Observation{Began: load.began}
	if err := load.flows(ctx, time.Minute); err != nil {
		load.end()
		return nil, fmt.Errorf("before %s: %w", scenario.Name, err)
	}
	s.assign(x.health(ctx))
	x.Progress(fmt.Sprintf("%s: %s", scenario.Name, scenario.Title))
	harm := scenario.inflict(ctx, s)
	o.Before = s.leader.Name
	if s.struck.IsZero() {
		s.strike()
	}
	o.Struck, o.Lasted = s.struck, s.lasted
	if harm != nil {
		o.Problems = append(o.Problems, harm.Error())
	}
	interrupted := x.observe(ctx, s, scenario, &o)
	h := load.end()
	if interrupted != nil {
		return nil, interrupted
	}
	o.Ended = time.Now()
	stuck := x.restore(ctx, s, &o)
	if stuck == nil {
		if err := load.settle(ctx, &h); err != nil {
			o.Problems = append(o.Problems, err.Error())
		}
	}
	// Nothing goes while nothing is written: a node ends with its session by a write of the ensemble's own.
	gap, _ := history.Gap(h.Operations, 0, o.Ended.Sub(o.Began))
	h.Limit += gap
	o.Samples, o.History = x.watch.seen(), h
	o.Verdict = history.Check(h)
	result := newResult(scenario, round, x.Ensemble, o)
	x.Progress(result.line())
	if !result.Passed {
		x.Progress(x.keep(ctx, result, o))
	}
	if stuck != nil {
		return &result, fmt.Errorf("after %s: %w", scenario.Name, stuck)
	}
	return &result, nil
}

// observe waits until the harm is over and everything is well again, or for
// too long.
func (x *exercise) observe(ctx context.Context, s *scene, scenario Scenario, o *Observation) error {
	// Nothing is over before the ensemble had the time to notice.
	const notice = 12 * time.Second
	if err := drill.Pause(ctx, time.Until(o.Struck.Add(max(scenario.lasts+3*time.Second, notice)))); err != nil {
		return err
	}
	problems, err := s.awaitHealth(ctx, time.Until(o.Struck.Add(scenario.expect.Repaired)))
	if err != nil {
		return err
	}
	if len(problems) == 0 {
		o.Repaired = time.Now()
	}
	o.Problems = append(o.Problems, problems...)
	for _, m := range x.health(ctx).Members {
		if m.Mode == zookeeper.Leader || m.Mode == zookeeper.Standalone {
			o.After = m.Name
		}
	}
	return drill.Pause(ctx, 2*time.Second) // clients that were away for longest are back too
}

// restore does by hand what did not end by itself, as far as it goes. Without
// a healthy ensemble there is no next scenario.
func (x *exercise) restore(ctx context.Context, s *scene, o *Observation) error {
	if err := s.clockBack(ctx); err != nil {
		return err
	}
	if !o.Repaired.IsZero() {
		return nil
	}
	x.Progress("not healthy by itself: ending all harm and starting what is stopped")
	err := errors.Join(x.machines.StartStopped(ctx, x.Ensemble.Servers), x.hosts.Heal(ctx, x.Ensemble.Servers))
	problems, waited := s.awaitHealth(ctx, repairLimit)
	if waited != nil {
		return waited
	}
	if len(problems) > 0 {
		return errors.Join(fmt.Errorf("the ensemble does not recover: %s", strings.Join(problems, "; ")), err)
	}
	return nil
}

// cleanLimit bounds how long the end of a drill may take.
const cleanLimit = 3 * time.Minute

// clean undoes everything, also when the drill was interrupted.
func (x *exercise) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	s := &scene{ensemble: x.Ensemble, hosts: x.hosts, machines: x.machines, health: x.health, work: x.Work}
	s.work.Tell = func(zookeeper.Step) {}
	err := errors.Join(x.machines.StartStopped(ctx, x.Ensemble.Servers), x.hosts.Heal(ctx, x.Ensemble.Servers), s.clockBack(ctx))
	if problems, waited := s.awaitHealth(ctx, cleanLimit/2); waited != nil || len(problems) > 0 {
		return errors.Join(err, waited, errors.New("the ensemble is not whole: "+root+" could not be removed; the next drill does it"))
	}
	return errors.Join(err, clean(x.Ensemble.addresses(), x.reach))
}

// Load has clients work with the ensemble for so long, or until it is
// interrupted, without any harm, and judges what they were told.
func Load(ctx context.Context, settings Settings, lasts time.Duration) (Result, error) {
	way, err := forward(ctx, settings.Client, settings.Ensemble)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = way.Close() }() // it ends by itself with this process
	load, err := begin(settings.Ensemble.addresses(), 0, way.Dial)
	if err != nil {
		return Result{}, err
	}
	if err := load.flows(ctx, time.Minute); err != nil {
		load.end()
		return Result{}, err
	}
	o := Observation{Began: load.began, Struck: time.Now()}
	settings.Progress("clients work with the ensemble")
	_ = drill.Pause(ctx, lasts) // an interrupt ends it early
	h := load.end()
	o.Ended, o.Repaired = time.Now(), time.Now()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	if err := load.settle(ending, &h); err != nil {
		o.Problems = append(o.Problems, err.Error())
	}
	o.History, o.Verdict = h, history.Check(h)
	result := newResult(Scenario{Name: "load", Title: "clients work with the ensemble, and no harm is done by the drill", expect: expect(Either, silenceLimit)}, 1, settings.Ensemble, o)
	return result, clean(settings.Ensemble.addresses(), way.Dial)
}
