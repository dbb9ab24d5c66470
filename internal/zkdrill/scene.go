package zkdrill

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"infra/internal/drill"
	"infra/internal/inventory"
	"infra/internal/zookeeper"
)

// scene is a scenario while it runs: who is who at its start, and when the
// harm was done.
type scene struct {
	ensemble Ensemble
	hosts    drill.Hosts
	machines drill.Machines
	health   func(ctx context.Context) zookeeper.Status
	work     zookeeper.Work

	leader    inventory.Host
	followers []inventory.Host
	struck    time.Time
	lasted    time.Time
}

// assign says who is who.
func (s *scene) assign(status zookeeper.Status) {
	for _, m := range status.Members {
		for _, h := range s.ensemble.Servers {
			switch {
			case h.Number != m.Number:
			case m.Mode == zookeeper.Leader || m.Mode == zookeeper.Standalone:
				s.leader = h
			default:
				s.followers = append(s.followers, h)
			}
		}
	}
}

// strike notes that the decisive harm is about to be done.
func (s *scene) strike() { s.struck = time.Now() }

// kill kills a server as if memory had run out; systemd starts it again.
func (s *scene) kill(ctx context.Context, host inventory.Host) error {
	s.strike()
	_, err := s.hosts.Root(ctx, host, nil, "systemctl", "kill", "--signal=KILL", unit)
	return err
}

// harm strikes, for so long.
func (s *scene) harm(ctx context.Context, host inventory.Host, kind string, arguments ...string) error {
	s.strike()
	s.lasted = s.struck.Add(lasting)
	return s.hosts.Harm(ctx, host, kind, lasting, arguments...)
}

// split cuts servers off from all other servers; clients still reach them.
func (s *scene) split(ctx context.Context, apart []inventory.Host, direction string) error {
	var others []string
	for _, h := range s.ensemble.Servers {
		if !slices.ContainsFunc(apart, func(a inventory.Host) bool { return a.ID == h.ID }) {
			others = append(others, h.PrivateAddress)
		}
	}
	arguments := append([]string{direction, s.ensemble.Client.PrivateAddress}, others...)
	s.strike()
	s.lasted = s.struck.Add(lasting)
	return s.each(apart, func(h inventory.Host) error { return s.hosts.Harm(ctx, h, "cut", lasting, arguments...) })
}

// scatter cuts every server off from every other.
func (s *scene) scatter(ctx context.Context) error {
	s.strike()
	s.lasted = s.struck.Add(lasting)
	return s.each(s.ensemble.Servers, func(h inventory.Host) error {
		arguments := []string{"both", s.ensemble.Client.PrivateAddress}
		for _, other := range s.ensemble.Servers {
			if other.ID != h.ID {
				arguments = append(arguments, other.PrivateAddress)
			}
		}
		return s.hosts.Harm(ctx, h, "cut", lasting, arguments...)
	})
}

// each does something on several hosts at once.
func (s *scene) each(hosts []inventory.Host, do func(inventory.Host) error) error {
	var group sync.WaitGroup
	errs := make([]error, len(hosts))
	for i, h := range hosts {
		group.Go(func() { errs[i] = do(h) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// restart restarts servers as infra zk restart does, all when none is named.
func (s *scene) restart(ctx context.Context, names ...string) error {
	order, err := zookeeper.PlanRestart(s.health(ctx), s.work.Environment, names)
	if err != nil {
		return err
	}
	_, err = zookeeper.Restart(ctx, s.work, order, false)
	return err
}

// awaitHealth waits until everything is well, two looks in a row. It returns
// what was not when the limit is over.
func (s *scene) awaitHealth(ctx context.Context, limit time.Duration) ([]string, error) {
	deadline := time.Now().Add(limit)
	for well := 0; ; {
		status := s.health(ctx)
		if well++; len(status.Problems) > 0 || !status.Serving {
			well = 0
		}
		if well == 2 {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return status.Problems, nil
		}
		if err := drill.Pause(ctx, time.Second); err != nil {
			return status.Problems, err
		}
	}
}
