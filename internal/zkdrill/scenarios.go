package zkdrill

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
)

// Outcome is what becomes of leadership.
type Outcome string

// The outcomes.
const (
	Moves  Outcome = "another leader"
	Stays  Outcome = "same leader"
	Either Outcome = "either"
)

// Expectation is what must come of a scenario.
type Expectation struct {
	Outcome  Outcome
	Gap      time.Duration // most time in which no client's write is acknowledged
	Repaired time.Duration // until everything is well again, from the harm on
}

// Scenario is one kind of harm and what must come of it.
type Scenario struct {
	Name    string
	Title   string
	needs   int // servers; fewer: it is left out
	expect  Expectation
	inflict func(ctx context.Context, s *scene) error
	lasts   time.Duration // at least so long is watched
}

// Scenarios are those that an ensemble of so many servers can go through, in
// the order in which a drill runs them; 0: all.
func Scenarios(servers int) []Scenario {
	var fit []Scenario
	for _, s := range append(append(losses(), partitions()...), disks()...) {
		if servers == 0 || servers >= s.needs {
			fit = append(fit, s)
		}
	}
	return fit
}

// lasting is how long harm lasts that does not end at once.
const lasting = 30 * time.Second

func expect(outcome Outcome, gap time.Duration) Expectation {
	return Expectation{Outcome: outcome, Gap: gap, Repaired: repairLimit}
}

// losses are scenarios in which servers or their hosts stop working.
func losses() []Scenario {
	return []Scenario{
		{
			Name: "kill-leader", Title: "the leader's server is killed", needs: 3, expect: expect(Moves, electionLimit),
			inflict: func(ctx context.Context, s *scene) error { return s.kill(ctx, s.leader) },
		},
		{
			Name: "kill-follower", Title: "a follower's server is killed", needs: 3, expect: expect(Stays, stayLimit),
			inflict: func(ctx context.Context, s *scene) error { return s.kill(ctx, s.followers[0]) },
		},
		{
			Name: "hang-leader", Title: "the leader's server hangs, and goes on after half a minute", needs: 3, expect: expect(Moves, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error { return s.harm(ctx, s.leader, "hang-program", "java") },
		},
		{
			Name: "hang-follower", Title: "a follower's server hangs, and goes on after half a minute", needs: 3, expect: expect(Stays, stayLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error { return s.harm(ctx, s.followers[0], "hang-program", "java") },
		},
		{
			Name: "stop-leader", Title: "the leader's host is stopped through EC2, and started when another leads", needs: 3, expect: expect(Moves, silenceLimit),
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				if err := s.machines.Stop(ctx, s.leader); err != nil {
					return err
				}
				if err := s.machines.Await(ctx, s.leader, types.InstanceStateNameStopped); err != nil {
					return err
				}
				return s.machines.Start(ctx, s.leader)
			},
		},
		{
			Name: "reboot-all", Title: "all hosts are rebooted at once", needs: 1, expect: expect(Either, time.Minute),
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.machines.Reboot(ctx, s.ensemble.Servers)
			},
		},
		{
			Name: "restart", Title: "the servers are restarted one at a time, the leader last", needs: 3, expect: expect(Moves, electionLimit),
			inflict: func(ctx context.Context, s *scene) error {
				s.strike()
				return s.restart(ctx)
			},
		},
	}
}

// partitions are scenarios in which packets between servers get lost. Clients
// still reach every server.
func partitions() []Scenario {
	return []Scenario{
		{
			Name: "cut-leader", Title: "the leader, and with it a minority, is cut off from the others, both ways", needs: 3, expect: expect(Moves, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.split(ctx, append([]inventory.Host{s.leader}, s.followers[:s.ensemble.minority()-1]...), "both")
			},
		},
		{
			Name: "cut-leader-out", Title: "nothing that the leader sends to the others arrives", needs: 3, expect: expect(Moves, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.split(ctx, []inventory.Host{s.leader}, "out")
			},
		},
		{
			// Where the deaf server has the highest vote, the others hear it, vote for it and wait for it in vain, again
			// and again, until it hears: ZooKeeper promises nothing better.
			Name: "cut-leader-in", Title: "nothing that the others send to the leader arrives", needs: 3, expect: expect(Either, lasting+silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.split(ctx, []inventory.Host{s.leader}, "in")
			},
		},
		{
			Name: "cut-minority", Title: "a minority without the leader is cut off from the others", needs: 3, expect: expect(Stays, stayLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.split(ctx, s.followers[:s.ensemble.minority()], "both")
			},
		},
		{
			Name: "cut-majority", Title: "every server is cut off from every other: nobody has a majority", needs: 3,
			expect: expect(Either, lasting+silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error { return s.scatter(ctx) },
		},
		{
			Name: "unreachable-leader", Title: "the leader's host is cut off from everybody, clients among them", needs: 3, expect: expect(Moves, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.harm(ctx, s.leader, "cut", "both", s.ensemble.Client.PrivateAddress)
			},
		},
	}
}

// disks are scenarios of disks and clocks.
func disks() []Scenario {
	return []Scenario{
		{
			Name: "disk-full-leader", Title: "the volume of the leader's transaction log is full for a while", needs: 3, expect: expect(Either, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error { return s.harm(ctx, s.leader, "fill", logDirectory) },
		},
		{
			Name: "disk-full-follower", Title: "both volumes of a follower are full for a while", needs: 3, expect: expect(Stays, stayLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.harm(ctx, s.followers[0], "fill", logDirectory, dataDirectory)
			},
		},
		{
			Name: "disk-stall-leader", Title: "what the leader writes to its disk waits for half a minute", needs: 3, expect: expect(Either, lasting+silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.harm(ctx, s.leader, "stall", logDirectory, "60", "1")
			},
		},
		{
			Name: "disk-slow-leader", Title: "every write to the leader's disk takes up to a second", needs: 3, expect: expect(Either, silenceLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error {
				return s.harm(ctx, s.leader, "stall", logDirectory, "1", "0.2")
			},
		},
		{
			Name: "clock-jump", Title: "the leader's clock jumps an hour ahead, and back", needs: 3, expect: expect(Stays, 2*electionLimit), lasts: lasting,
			inflict: func(ctx context.Context, s *scene) error { return s.jump(ctx) },
		},
	}
}
