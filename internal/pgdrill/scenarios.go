package pgdrill

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Scenario is one kind of harm and what must come of it.
type Scenario struct {
	Name    string
	Title   string
	expect  func(c Cluster) Expectation
	inflict func(ctx context.Context, s *scene) error
	lasts   time.Duration // at least so long is watched
}

// Scenarios are all of them, in the order in which a drill runs them.
func Scenarios() []Scenario {
	return append(append(append(losses(), partitions()...), services()...), sequences()...)
}

func failover(gap, target time.Duration) func(Cluster) Expectation {
	return func(Cluster) Expectation {
		return Expectation{Outcome: Failover, Gap: gap, Target: target, Repaired: repairLimit}
	}
}

func stay(Cluster) Expectation {
	return Expectation{Outcome: Stay, Gap: stayLimit, Repaired: repairLimit}
}

// losses are scenarios in which the primary stops working.
func losses() []Scenario {
	const hangs = 60 * time.Second
	const full = 30 * time.Second
	return []Scenario{
		{
			Name: "kill", Title: "the primary's server is killed", expect: failover(failoverLimit, 15*time.Second),
			inflict: func(ctx context.Context, s *scene) error { return s.kill(ctx, s.primary) },
		},
		{
			Name: "hang", Title: "the primary's server hangs, and goes on after a minute", expect: failover(failoverLimit, 25*time.Second), lasts: hangs,
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.harm(ctx, s.primary, "hang", hangs, s.hosts.Folders[0])
			},
		},
		{
			Name: "host-stop", Title: "the primary's host is stopped through EC2", expect: failover(failoverLimit, 25*time.Second),
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.machines.Stop(ctx, s.primary)
			},
		},
		{
			Name: "disk-full-data", Title: "the primary's data volume is full for a while", lasts: full,
			expect: func(Cluster) Expectation {
				return Expectation{Outcome: Either, Gap: full + failoverLimit, Repaired: repairLimit}
			},
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.harm(ctx, s.primary, "fill", full, s.hosts.Folders[0])
			},
		},
		{
			Name: "disk-full-wal", Title: "the primary has no room for WAL and fails", lasts: full,
			expect: func(Cluster) Expectation {
				return Expectation{Outcome: Either, Gap: full + 2*failoverLimit, Repaired: repairLimit}
			},
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				if err := s.harm(ctx, s.primary, "fill", full, s.hosts.Folders[0]+"/pg_wal"); err != nil {
					return err
				}
				// That it fails on the way is what it is for.
				_ = s.hosts.writeWAL(ctx, s.primary, 512)
				return nil
			},
		},
	}
}

// partitions are scenarios in which packets get lost between hosts.
func partitions() []Scenario {
	const lasts = 60 * time.Second
	cut := func(direction string) func(context.Context, *scene) error {
		return func(ctx context.Context, s *scene) error { return s.cut(ctx, s.primary, direction, lasts) }
	}
	return []Scenario{
		{
			Name: "partition", Title: "the primary is cut off, both ways", lasts: lasts,
			expect: failover(failoverLimit, 25*time.Second), inflict: cut("both"),
		},
		{
			Name: "partition-out", Title: "nothing that the primary sends arrives", lasts: lasts,
			expect: failover(failoverLimit, 25*time.Second), inflict: cut("out"),
		},
		{
			Name: "partition-in", Title: "nothing arrives at the primary", lasts: lasts,
			expect: failover(failoverLimit, 25*time.Second), inflict: cut("in"),
		},
		{
			Name: "partition-standby", Title: "a standby and the primary do not reach each other; the witness reaches both", lasts: lasts,
			expect: func(c Cluster) Expectation {
				e := stay(c)
				if c.Synchronous && len(c.Data) == 2 {
					e.Gap += lasts // no other standby can confirm a commit
				}
				return e
			},
			inflict: func(ctx context.Context, s *scene) error { return s.cut(ctx, s.standbys[0], "both", lasts, s.primary) },
		},
	}
}

// services are scenarios in which AWS's API cannot be relied on, or in which
// the cluster must not act at once.
func services() []Scenario {
	const lasts = 40 * time.Second
	return []Scenario{
		{
			Name: "api-primary", Title: "the primary does not reach AWS's API", expect: stay, lasts: lasts,
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.harm(ctx, s.primary, "cut-api", lasts, "100")
			},
		},
		{
			Name: "api-standby", Title: "no standby reaches AWS's API, and the primary's server is killed", lasts: lasts,
			expect: func(Cluster) Expectation {
				return Expectation{Outcome: Failover, Gap: lasts + 2*failoverLimit, NotYet: true, Repaired: repairLimit}
			},
			inflict: func(ctx context.Context, s *scene) error {
				if err := s.withhold(ctx, s.standbys, "cut-api", lasts, "100"); err != nil {
					return err
				}
				return s.kill(ctx, s.primary)
			},
		},
		{
			Name: "api-slow", Title: "standbys lose a third of the packets to AWS's API, and the primary's server is killed", lasts: lasts,
			expect: failover(2*failoverLimit, failoverLimit),
			inflict: func(ctx context.Context, s *scene) error {
				for _, standby := range s.standbys {
					if err := s.harm(ctx, standby, "cut-api", lasts, "33"); err != nil {
						return err
					}
				}
				return s.kill(ctx, s.primary)
			},
		},
		{
			Name: "promote-fails", Title: "the primary's server is killed, and the standby's promotion fails at first", lasts: lasts,
			expect: failover(lasts+failoverLimit, 0),
			inflict: func(ctx context.Context, s *scene) error {
				for _, standby := range s.standbys {
					if err := s.harm(ctx, standby, "forbid", lasts, s.hosts.Folders[0]); err != nil {
						return err
					}
				}
				return s.kill(ctx, s.primary)
			},
		},
		{
			Name: "lag", Title: "a standby is far behind, and the primary's server is killed", lasts: lasts,
			expect: expectLag(lasts), inflict: func(ctx context.Context, s *scene) error { return inflictLag(ctx, s, lasts) },
		},
		{
			Name: "flapping", Title: "the primary's server hangs again and again, each time for less than it takes to notice",
			expect: stay, lasts: 40 * time.Second,
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.harm(ctx, s.primary, "flap", time.Minute, s.hosts.Folders[0], "3", "6", "4")
			},
		},
	}
}

// lagging is how much WAL a standby lacks, in MiB: more than the gate allows.
const lagging = 64

// expectLag: the standby that lags must not be promoted. Another one may; with
// none, writes go on when the old primary's server is started again.
func expectLag(lasts time.Duration) func(Cluster) Expectation {
	return func(c Cluster) Expectation {
		if len(c.Data) > 2 {
			return Expectation{Outcome: Failover, Gap: 2 * failoverLimit, Repaired: repairLimit}
		}
		return Expectation{Outcome: Stay, Gap: lasts + 2*failoverLimit, Repaired: repairLimit}
	}
}

func inflictLag(ctx context.Context, s *scene, lasts time.Duration) error {
	if err := s.harm(ctx, s.standbys[0], "deafen", lasts); err != nil {
		return err
	}
	if err := s.hosts.writeWAL(ctx, s.primary, lagging); err != nil {
		return err
	}
	// The gate goes by what the standby has seen: what the primary wrote in its last second nobody can know.
	if err := s.hosts.awaitLag(ctx, s.standbys[0], lagging<<20/2); err != nil {
		return err
	}
	// As an operator would, when nothing could be promoted.
	if len(s.standbys) == 1 {
		if err := s.harm(ctx, s.primary, "later", lasts, s.cluster.unit()); err != nil {
			return err
		}
	}
	return s.kill(ctx, s.primary)
}

// sequences are scenarios of more than one fault.
func sequences() []Scenario {
	const lasts = 40 * time.Second
	return []Scenario{
		{
			Name: "both-rebooted", Title: "all data nodes are rebooted at once",
			expect: func(Cluster) Expectation {
				return Expectation{Outcome: Either, Gap: 4 * failoverLimit, Repaired: repairLimit}
			},
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.machines.Reboot(ctx, s.cluster.Data)
			},
		},
		{
			Name: "old-primary-back", Title: "the old primary's host comes back as soon as another is the primary", expect: failover(failoverLimit, 25*time.Second),
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				if err := s.machines.Stop(ctx, s.primary); err != nil {
					return err
				}
				if _, err := s.awaitPrimary(ctx, repairLimit); err != nil {
					return err
				}
				if err := s.machines.Await(ctx, s.primary, types.InstanceStateNameStopped); err != nil {
					return err
				}
				return s.machines.Start(ctx, s.primary)
			},
		},
		{
			Name: "second-failover", Title: "the new primary's server is killed as soon as the cluster is whole again", expect: failover(failoverLimit, 15*time.Second),
			inflict: func(ctx context.Context, s *scene) error {
				if err := s.kill(ctx, s.primary); err != nil {
					return err
				}
				next, err := s.awaitPrimary(ctx, repairLimit)
				if err != nil {
					return err
				}
				if err := s.settled(ctx, repairLimit); err != nil {
					return err
				}
				return s.kill(ctx, next)
			},
		},
		{
			Name: "witness-first", Title: "the witness is cut off, then the primary's server is killed", lasts: lasts,
			expect: func(c Cluster) Expectation {
				if c.quorum(2) {
					return failover(failoverLimit, 0)(c)
				}
				return Expectation{Outcome: Failover, Gap: lasts + 2*failoverLimit, NotYet: true, Repaired: repairLimit}
			},
			inflict: func(ctx context.Context, s *scene) error {
				s.lasted = time.Now().Add(lasts)
				if err := s.cut(ctx, *s.cluster.Witness, "both", lasts); err != nil {
					return err
				}
				return s.kill(ctx, s.primary)
			},
		},
	}
}
