package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/run"
	"infra/internal/snapshot"
)

// snapshotRunOptions are the flags of `snapshot run`.
type snapshotRunOptions struct {
	snapshotOptions
	way         string
	limit       time.Duration
	keep        bool
	zone        string
	kmsKey      string
	checkOn     string
	noCheck     bool
	probe       string
	database    string
	anew        bool
	learn       int
	poll        time.Duration
	autoApprove bool
	confirm     string
	wait        run.Wait
}

func newSnapshotRunCommand(g *globals) *cobra.Command {
	var o snapshotRunOptions
	cmd := describe(&cobra.Command{
		Use:   "run ENV",
		Short: "Make the snapshots, the volume of the last one, and recover a server from it",
		Long: `Measures and plans as infra snapshot plan does, makes one snapshot after the other, and plans again after each with
what it really took: what was measured counts every write as one to another block, which only snapshots can tell
apart. For the last one the database stands still until EC2 has begun it: by CHECKPOINT and fsfreeze, or
by a clean stop. A timer on the host ends that after --freeze-limit whatever becomes of infra. With --to-region every
snapshot is copied in order. A volume is made of the last one, and a server on another volume of it is recovered,
promoted and asked on a host that has other things to do (--check-on, the witness unless named), where it is reachable
from nowhere and removed afterwards. What is printed at the end has each estimate beside what happened.

Interrupted, the database goes on at once; the same command goes on from the snapshots that are there. Snapshots and
the volume are left for you, tagged infra-run and infra-chain.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runSnapshotRun(cmd.Context(), g, args[0], &o) },
	}, "  infra snapshot run prod --target 3m\n  infra snapshot run prod --host postgresql-1 --consistency stop --leave-stopped --to-region eu-central-1 --zone eu-central-1a\n  infra snapshot run staging --probe 'SELECT count(*) FROM orders' --database shop",
		fault.Refused, fault.Locked)
	o.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.way, "consistency", snapshot.Freeze, "how the database stands still for the last snapshot: freeze or stop")
	flags.DurationVar(&o.limit, "freeze-limit", 20*time.Second, "the host ends the standstill by itself after this")
	flags.BoolVar(&o.keep, "leave-stopped", false, "with --consistency stop: the server stays stopped, for the move itself")
	flags.StringVar(&o.zone, "zone", "", "where the volume is made (default: the zone of the source, or the first of --to-region)")
	flags.StringVar(&o.kmsKey, "kms-key", "", "key of the copies, in --to-region (default: that region's own)")
	flags.StringVar(&o.checkOn, "check-on", "", "where a server is recovered (default: the witness)")
	flags.BoolVar(&o.noCheck, "no-check", false, "do not recover a server")
	flags.StringVar(&o.probe, "probe", "", "a statement that the source is asked before it stands still, and the recovered server after")
	flags.StringVar(&o.database, "database", "postgres", "database of --probe")
	flags.BoolVar(&o.anew, "new-chain", false, "do not go on with a chain that was interrupted")
	flags.IntVar(&o.learn, "learn", 2, "so many snapshots are made even if the target looks out of reach: measured writes are a bound, they show what is")
	flags.DurationVar(&o.poll, "poll", 5*time.Second, "how often EC2 is asked how far a snapshot is")
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	confirmFlag(cmd, &o.confirm)
	lockFlag(cmd, &o.wait)
	cmd.MarkFlagsMutuallyExclusive("check-on", "no-check")
	return cmd
}

func (o *snapshotRunOptions) check() error {
	if err := o.snapshotOptions.check(); err != nil {
		return err
	}
	var err error
	switch {
	case o.way != snapshot.Freeze && o.way != snapshot.Stop:
		err = fmt.Errorf("--consistency is %q, it can be freeze or stop", o.way)
	case o.keep && o.way != snapshot.Stop:
		err = errors.New("--leave-stopped goes with --consistency stop")
	case o.limit < time.Second:
		err = errors.New("--freeze-limit must be at least 1s")
	case o.poll < 100*time.Millisecond:
		err = errors.New("--poll must be at least 100ms")
	case o.kmsKey != "" && o.toRegion == "":
		err = errors.New("--kms-key goes with --to-region")
	}
	if err != nil {
		return fault.New(fault.Usage, "", err, "infra snapshot run --help")
	}
	return nil
}

func runSnapshotRun(ctx context.Context, g *globals, name string, o *snapshotRunOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	question := "\nSnapshot the database of " + name + " and let it stand still for the last snapshot?"
	if err := asks(g, p, question, o.autoApprove, o.confirm, "infra snapshot run "+name); err != nil {
		return err
	}
	return p.Operate(ctx, "snapshot", o.wait, func(ctx context.Context, h *provision.Hosts) error {
		s, err := o.measured(ctx, g.con, p, h.Inventory, h.Client.Run)
		if err != nil {
			return err
		}
		chain, err := o.chain(ctx, g, p, s, h)
		if err != nil {
			return err
		}
		first := true
		result, err := chain.Execute(ctx, s.inputs, func(plan snapshot.Plan) {
			if first || g.verbose {
				g.con.Print(plan.Describe(s.Subject) + "\n")
			} else {
				g.con.Step("planned again: %s", plan.Short())
			}
			first = false
		})
		if result != nil && len(result.Taken) > 0 {
			p.Touched(s.host, "snapshot")
			err = errors.Join(err, o.draw(result.Picture(s.Subject)))
		}
		if err != nil {
			return err
		}
		if g.con.JSON() {
			return g.con.WriteJSON(result.Document(s.Subject, chain))
		}
		_, err = g.con.Out().Write([]byte(result.Describe(s.Subject, chain)))
		return err
	})
}

// chain puts the executor together.
func (o *snapshotRunOptions) chain(ctx context.Context, g *globals, p *provision.Platform, s *subject, h *provision.Hosts) (*snapshot.Chain, error) {
	c := &snapshot.Chain{
		EC2: s.ec2, Run: h.Client.Run, Live: g.con.Live,
		Tell: func(format string, args ...any) {
			g.con.Step(format, args...)
			p.Did(s.host.Name, fmt.Sprintf(format, args...))
		},
		Environment: p.Env.Name(), ID: p.Run.ID, Source: s.host, Volume: s.volume, Mount: s.mount, Region: p.Env.Region(),
		TargetZone: o.zone, KMSKey: o.kmsKey, Anew: o.anew, Learn: o.learn, Way: o.way, Limit: o.limit, Keep: o.keep,
		Database: o.database, Probe: o.probe, Poll: o.poll,
	}
	if c.TargetZone == "" {
		c.TargetZone = s.host.Zone
	}
	if o.toRegion != "" {
		if o.toRegion == p.Env.Region() {
			return nil, fault.New(fault.Usage, "", errors.New("--to-region is the environment's own region"), "leave it out")
		}
		c.Target = ec2.New(s.ec2.Options(), func(e *ec2.Options) { e.Region = o.toRegion })
		if o.zone == "" {
			zone, err := snapshot.FirstZone(ctx, c.Target)
			if err != nil {
				return nil, fault.New(fault.Failed, "choose a zone of "+o.toRegion, err, "name one with --zone")
			}
			c.TargetZone = zone
		}
	}
	if o.noCheck {
		return c, nil
	}
	host, err := trialHost(h.Inventory, o.checkOn)
	if err != nil {
		return nil, err
	}
	c.CheckOn = &host
	return c, nil
}

// trialHost is where a server is recovered: it has PostgreSQL's programs.
func trialHost(inv *inventory.Inventory, name string) (inventory.Host, error) {
	if name != "" {
		return inv.Find(name)
	}
	for _, h := range inv.Hosts() {
		if h.Layer == "postgresql" && h.Role == "witness" {
			return h, nil
		}
	}
	return inventory.Host{}, fault.New(fault.Usage, "choose where to recover", errors.New("there is no witness"), "name a host with --check-on, or --no-check")
}
