package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"infra/internal/account"
	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/snapshot"
)

func newSnapshotCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Move a database by a chain of EBS snapshots, the last of which takes minutes",
	}
	cmd.AddCommand(newSnapshotPlanCommand(g), newSnapshotRunCommand(g))
	return cmd
}

// snapshotOptions are what both a plan and a run follow from.
type snapshotOptions struct {
	host       string
	target     time.Duration
	toRegion   string
	throughput float64 // MiB/s
	overhead   time.Duration
	copyRate   float64 // MiB/s
	random     float64 // blocks/h
	sequential float64 // GiB/h
	measure    time.Duration
	gap        time.Duration
	parts      snapshot.Downtime
	svg        string
}

// unmeasured is the throughput to begin with where no earlier snapshot shows
// it, in MiB/s: what EBS is said to reach for a volume that is not small. The
// first snapshot of the chain replaces it.
const unmeasured = 64

func (o *snapshotOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.host, "host", "", "whose volume: a host of the layer postgresql (default: the first standby)")
	flags.DurationVar(&o.target, "target", 5*time.Minute, "the longest that the last snapshot, with its copy, may take")
	flags.StringVar(&o.toRegion, "to-region", "", "copy every snapshot to this region")
	flags.Float64Var(&o.throughput, "throughput", 0, "MiB/s that a snapshot stores (default: as earlier chains of the volume show)")
	flags.DurationVar(&o.overhead, "overhead", 30*time.Second, "what a snapshot takes however little has changed")
	flags.Float64Var(&o.copyRate, "copy-throughput", 0, "MiB/s that a copy to another region stores (default: as --throughput)")
	flags.Float64Var(&o.random, "random-writes", -1, "writes an hour at random places (default: measured)")
	flags.Float64Var(&o.sequential, "sequential-writes", -1, "GiB an hour written in sequence (default: measured writes all count as random)")
	flags.DurationVar(&o.measure, "measure", time.Minute, "how long to measure writes on the host, where CloudWatch knows too little")
	flags.DurationVar(&o.gap, "gap", 10*time.Second, "from the end of a snapshot to the start of the next")
	flags.DurationVar(&o.parts.Stop, "stop-time", 5*time.Second, "for the downtime: until the database stands still")
	flags.DurationVar(&o.parts.Create, "create-time", 10*time.Second, "for the downtime: until the volume is there")
	flags.DurationVar(&o.parts.Initialise, "initialise-time", time.Minute, "for the downtime: a volume of a snapshot loads its blocks when they are first read")
	flags.DurationVar(&o.parts.Recovery, "recovery-time", 30*time.Second, "for the downtime: until the server takes connections")
	flags.StringVar(&o.svg, "svg", "", "draw the chain into this file")
}

func (o *snapshotOptions) check() error {
	var err error
	switch {
	case o.target <= 0:
		err = errors.New("--target must be more than 0")
	case o.throughput < 0 || o.copyRate < 0:
		err = errors.New("a throughput must not be less than 0")
	case o.measure < 5*time.Second:
		err = errors.New("--measure must be at least 5s")
	case o.overhead < 0 || o.gap < 0 || o.parts.Stop < 0 || o.parts.Create < 0 || o.parts.Initialise < 0 || o.parts.Recovery < 0:
		err = errors.New("a time must not be less than 0")
	}
	if err != nil {
		return fault.New(fault.Usage, "", err, "infra snapshot plan --help")
	}
	return nil
}

// subject is the volume that is moved, with what was found out about it.
type subject struct {
	snapshot.Subject
	host   inventory.Host
	volume string
	mount  snapshot.Mount
	inputs snapshot.Inputs
	ec2    *ec2.Client
}

// source is the host whose volume is moved: the named one, else the first
// standby, since nobody waits for it.
func source(inv *inventory.Inventory, name string) (inventory.Host, error) {
	op := "choose the volume"
	if name != "" {
		h, err := inv.Find(name)
		if err != nil {
			return h, err
		}
		if h.Layer != "postgresql" || h.Volumes["data"] == "" {
			return h, fault.New(fault.Usage, op, fmt.Errorf("%s has no volume of a database", h.Name), "infra hosts "+inv.Common().Environment)
		}
		return h, nil
	}
	for _, h := range inv.Hosts() {
		if h.Layer == "postgresql" && h.Role == "standby" && h.Volumes["data"] != "" {
			return h, nil
		}
	}
	return inventory.Host{}, fault.New(fault.Usage, op, errors.New("there is no standby"), "name the host with --host")
}

// measured finds out what a plan needs to know.
func (o *snapshotOptions) measured(ctx context.Context, con *console.Console, p *provision.Platform, inv *inventory.Inventory, run snapshot.Run) (*subject, error) {
	host, err := source(inv, o.host)
	if err != nil {
		return nil, err
	}
	op := "measure the volume of " + host.Name
	s := &subject{host: host, volume: host.Volumes["data"], ec2: ec2.NewFromConfig(p.AWS())}
	s.Subject = snapshot.Subject{Environment: p.Env.Name(), Host: host.Name, Volume: s.volume}
	if s.mount, err = snapshot.FindMount(ctx, run, host, s.volume); err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra status "+p.Env.Name())
	}
	found, err := s.ec2.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{s.volume}})
	if err != nil || len(found.Volumes) != 1 {
		return nil, fault.New(fault.Failed, op, fmt.Errorf("ask for volume %s: %w", s.volume, err), "")
	}
	s.inputs = snapshot.Inputs{
		Extent: snapshot.Extent{Used: s.mount.Used, Volume: int64(aws.ToInt32(found.Volumes[0].Size)) << 30},
		Gap:    o.gap, Target: o.target, Downtime: o.parts,
	}
	if err := o.speeds(ctx, s); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	if err := o.writes(ctx, con, p, s, run); err != nil {
		return nil, fault.New(fault.Failed, op, err, "give them with --random-writes and --sequential-writes")
	}
	return s, nil
}

// speeds takes the throughput from the flags, from earlier chains, or assumes it.
func (o *snapshotOptions) speeds(ctx context.Context, s *subject) error {
	links, err := snapshot.Links(ctx, s.ec2, s.volume)
	if err != nil {
		return err
	}
	if len(links) > 0 {
		s.inputs.Since = time.Since(links[len(links)-1].Started) + o.gap
	}
	s.inputs.Snapshot = snapshot.Speed{Throughput: o.throughput * (1 << 20), Overhead: o.overhead}
	s.Sources.Throughput = "as given"
	if o.throughput == 0 {
		var known bool
		if s.inputs.Snapshot.Throughput, known = snapshot.Known(links, o.overhead); known {
			s.Sources.Throughput = "p95 of earlier full snapshots"
		} else {
			s.inputs.Snapshot.Throughput = unmeasured << 20
			s.Sources.Throughput = "assumed: the first snapshot shows it"
		}
	}
	if o.toRegion != "" {
		copied := s.inputs.Snapshot
		if o.copyRate > 0 {
			copied.Throughput = o.copyRate * (1 << 20)
		}
		s.inputs.Copy = &copied
	}
	return nil
}

// writes takes the rate from the flags, from CloudWatch, or from the host.
func (o *snapshotOptions) writes(ctx context.Context, con *console.Console, p *provision.Platform, s *subject, run snapshot.Run) error {
	if o.random >= 0 || o.sequential >= 0 {
		s.inputs.Writes = snapshot.Writes{Random: max(0, o.random), Sequential: max(0, o.sequential) * (1 << 30)}
		s.Sources.Writes = "as given"
		return nil
	}
	// CloudWatch speaks several protocols; JSON is the one that emulators know, too.
	watch := account.CloudWatch(p.AWS())
	rate, hours, err := snapshot.WatchedWrites(ctx, watch, s.volume)
	if err == nil {
		s.inputs.Writes, s.Sources.Writes = rate, fmt.Sprintf("p95 of %d hours of CloudWatch", hours)
		return nil
	}
	if snapshot.Enough(err) {
		con.Warn("%v", err)
	}
	con.Live("measuring the writes of %s for %s", s.host.Name, o.measure)
	defer con.Live("")
	s.inputs.Writes, err = snapshot.HostWrites(ctx, run, s.host, s.mount, o.measure)
	s.Sources.Writes = fmt.Sprintf("p95 of %s on the host", o.measure)
	return err
}

// draw writes a picture, if one is wanted.
func (o *snapshotOptions) draw(svg string) error {
	if o.svg == "" {
		return nil
	}
	if err := os.WriteFile(o.svg, []byte(svg), 0o600); err != nil {
		return fault.New(fault.Failed, "draw the chain", err, "")
	}
	return nil
}
