package pgdrill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/drill"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/ssh"
)

// Settings say how a drill is run.
type Settings struct {
	Cluster   Cluster
	Client    *ssh.Client
	EC2       *ec2.Client
	Scenarios []Scenario
	Rounds    int
	// Health says what is not as it should be; it is asked again and again.
	Health func(ctx context.Context) postgresql.Status
	// Progress is told in a line what goes on.
	Progress func(text string)
}

// ErrUnhealthy refuses a drill on a cluster that is not whole.
var ErrUnhealthy = errors.New("the cluster is not healthy")

// cleanLimit bounds how long the end of a drill may take.
const cleanLimit = 3 * time.Minute

// exercise is a drill while it runs.
type exercise struct {
	Settings
	hosts    hosts
	machines machines
	watch    *watch
	password string
	number   int // of the scenario, over all rounds
}

// Run runs the scenarios one after the other and returns what was found, also
// when it had to stop early. What it did is undone before it returns, whatever
// happens.
func Run(ctx context.Context, settings Settings) (results []Result, err error) {
	d := &exercise{
		Settings: settings, watch: &watch{},
		hosts:    hosts{drill.Hosts{Client: settings.Client, Program: "postgres", Folders: []string{settings.Cluster.dataDirectory()}}},
		machines: machines{drill.Machines{Client: settings.EC2}, settings.Cluster},
	}
	status := d.Health(ctx)
	if problems := d.unhealthy(ctx, status); len(problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnhealthy, strings.Join(problems, "; "))
	}
	primary := d.Cluster.host(primaryOf(status))
	if err := d.prepare(ctx, primary); err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, host := range d.Cluster.Data {
		group.Go(func() { d.watch.node(watching, d.Client, host) })
	}
	group.Go(func() { d.watch.cloud(watching, d.machines) })
	defer func() {
		stop()
		group.Wait()
		err = errors.Join(err, d.clean(ctx))
	}()
	for round := 1; round <= max(1, d.Rounds); round++ {
		for _, scenario := range d.Scenarios {
			result, err := d.run(ctx, scenario, round)
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

// prepare makes what the drill needs on the hosts.
func (d *exercise) prepare(ctx context.Context, primary inventory.Host) error {
	if _, missing := d.hosts.Run(ctx, d.Cluster.Client, nil, "python3", "-I", "-c", "import psycopg2"); missing != nil {
		d.Progress("installing python3-psycopg2 on " + d.Cluster.Client.Name)
		if err := d.hosts.Install(ctx, d.Cluster.Client, "python3-psycopg2"); err != nil {
			return err
		}
	}
	password, err := d.hosts.makeTable(ctx, primary)
	d.password = password
	return err
}

// run runs one scenario. The error says that the drill cannot go on.
func (d *exercise) run(ctx context.Context, scenario Scenario, round int) (*Result, error) {
	s := &scene{
		cluster: d.Cluster, hosts: d.hosts, machines: d.machines, watch: d.watch,
		healthy: func(ctx context.Context) []string { return d.unhealthy(ctx, d.Health(ctx)) },
	}
	if problems, err := s.awaitHealth(ctx, repairLimit); err != nil || len(problems) > 0 {
		return nil, errors.Join(err, fmt.Errorf("before %s: %w: %s", scenario.Name, ErrUnhealthy, strings.Join(problems, "; ")))
	}
	d.number++
	d.watch.begin()
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	failed := make([]error, len(d.Cluster.Routes))
	for i, route := range d.Cluster.Routes {
		group.Go(func() {
			failed[i] = d.watch.write(writing, d.Client, d.Cluster.Client, writer{
				Route: route.Name, Address: route.Address,
				Database: database, User: account, Password: d.password, Scenario: d.number,
			})
		})
	}
	o := Observation{Started: time.Now()}
	err := d.watch.flow(ctx, d.Cluster.Routes, time.Minute)
	if o.Before = d.watch.writable(); err == nil && o.Before == "" {
		err = errors.New("the watchers see no node that takes writes")
	}
	if err == nil {
		err = d.hosts.forgive(ctx, d.Cluster.host(o.Before))
	}
	if err != nil {
		stop()
		group.Wait()
		return nil, fmt.Errorf("before %s: %w", scenario.Name, errors.Join(append(failed, err)...))
	}
	s.assign(o.Before)
	d.Progress(fmt.Sprintf("%s: %s", scenario.Name, scenario.Title))
	struckErr := scenario.inflict(ctx, s)
	o.Struck, o.Lasted = s.struck, s.lasted
	if struckErr != nil {
		o.Problems = append(o.Problems, struckErr.Error())
	}
	if o.Struck.IsZero() {
		o.Struck = time.Now()
	}
	interrupted := d.observe(ctx, s, scenario, &o)
	stop()
	group.Wait()
	o.Ended = time.Now()
	if interrupted != nil {
		return nil, interrupted
	}
	d.gather(ctx, &o)
	result := newResult(scenario, round, d.Cluster, o, Judge(scenario.expect(d.Cluster), o, d.Cluster.Synchronous), struckErr)
	d.Progress(result.line())
	if o.Repaired.IsZero() {
		if err := d.restore(ctx, s); err != nil {
			return &result, fmt.Errorf("after %s: %w", scenario.Name, err)
		}
	}
	return &result, errors.Join(failed...)
}

// observe waits until the harm is over and everything is well again, or for
// too long.
func (d *exercise) observe(ctx context.Context, s *scene, scenario Scenario, o *Observation) error {
	// Nothing is over before the cluster had the time to notice.
	const notice = 10 * time.Second
	if err := drill.Pause(ctx, time.Until(o.Struck.Add(max(scenario.lasts+2*time.Second, notice)))); err != nil {
		return err
	}
	problems, err := s.awaitHealth(ctx, time.Until(o.Struck.Add(scenario.expect(d.Cluster).Repaired)))
	if err != nil {
		return err
	}
	if len(problems) == 0 {
		o.Repaired = time.Now()
	}
	o.Problems = append(o.Problems, problems...)
	o.After = d.watch.writable()
	return drill.Pause(ctx, time.Second)
}

// gather reads what only the hosts know: the rows and the journals.
func (d *exercise) gather(ctx context.Context, o *Observation) {
	o.Attempts, o.Samples, o.Looks = d.watch.seen()
	if o.After != "" {
		var err error
		if o.Present, err = d.hosts.present(ctx, d.Cluster.host(o.After), d.number); err != nil {
			o.Problems = append(o.Problems, err.Error())
		}
	}
	for _, host := range d.Cluster.Nodes() {
		// A node without a journal has nothing to tell.
		out, err := d.hosts.Root(ctx, host, nil, "tail", "-n", "500", "/var/lib/infra-postgresql/journal.jsonl")
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(bytes.NewReader(out))
		for lines.Scan() {
			var e Event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.At.After(o.Started) {
				o.Journal = append(o.Journal, e)
			}
		}
	}
	slices.SortStableFunc(o.Journal, func(a, b Event) int { return a.At.Compare(b.At) })
}

// restore does by hand what the cluster did not do by itself, as far as it
// goes: harm ended, hosts started. Without a healthy cluster there is no next
// scenario.
func (d *exercise) restore(ctx context.Context, s *scene) error {
	d.Progress("not healthy by itself: ending all harm and starting what is stopped")
	err := errors.Join(d.machines.StartStopped(ctx, d.Cluster.Nodes()), d.hosts.Heal(ctx, d.Cluster.Nodes()))
	problems, waitErr := s.awaitHealth(ctx, repairLimit/2)
	if waitErr != nil {
		return waitErr
	}
	if len(problems) > 0 {
		return errors.Join(fmt.Errorf("the cluster does not recover: %s", strings.Join(problems, "; ")), err)
	}
	return nil
}

// clean undoes everything, also when the drill was interrupted.
func (d *exercise) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	err := errors.Join(d.machines.StartStopped(ctx, d.Cluster.Nodes()), d.hosts.Heal(ctx, d.Cluster.Nodes()))
	for {
		if primary := primaryOf(d.Health(ctx)); primary != "" {
			return errors.Join(err, d.hosts.dropTable(ctx, d.Cluster.host(primary)))
		}
		if drill.Pause(ctx, 2*time.Second) != nil {
			return errors.Join(err, errors.New("no node takes writes: the database "+database+" and the account of that name could not be removed; the next drill does it"))
		}
	}
}

// unhealthy is everything that is not as it should be.
func (d *exercise) unhealthy(ctx context.Context, status postgresql.Status) []string {
	problems := slices.Clone(status.Problems)
	asked, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look, err := d.machines.look(asked)
	if err != nil {
		return append(problems, err.Error())
	}
	for _, name := range look.Fenced {
		problems = append(problems, name+" carries the mark of the fence")
	}
	return problems
}

// primaryOf is the node that takes writes, when there is exactly one.
func primaryOf(status postgresql.Status) string {
	name := ""
	for _, n := range status.Nodes {
		if n.Writable && name != "" {
			return ""
		}
		if n.Writable {
			name = n.Name
		}
	}
	return name
}

// assign says who is who at the start of a scenario.
func (s *scene) assign(primary string) {
	for _, h := range s.cluster.Data {
		if h.Name == primary {
			s.primary = h
		} else {
			s.standbys = append(s.standbys, h)
		}
	}
}
