package pgdrill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infra/internal/drill"
	"infra/internal/inventory"
)

// scene is a scenario while it runs: who is who at its start, and what is
// seen.
type scene struct {
	cluster  Cluster
	hosts    hosts
	machines machines
	watch    *watch
	healthy  func(ctx context.Context) []string // what is not; nil: everything is

	primary  inventory.Host
	standbys []inventory.Host
	struck   time.Time
	lasted   time.Time
}

// strike notes that the decisive harm is about to be done.
func (s *scene) strike() { s.struck = time.Now() }

// harm does harm that a failover need not wait for.
func (s *scene) harm(ctx context.Context, host inventory.Host, kind string, lasts time.Duration, arguments ...string) error {
	return s.hosts.Harm(ctx, host, kind, lasts, arguments...)
}

// withhold does harm that must keep every failover back while it lasts.
func (s *scene) withhold(ctx context.Context, on []inventory.Host, kind string, lasts time.Duration, arguments ...string) error {
	s.lasted = time.Now().Add(lasts)
	for _, host := range on {
		if err := s.harm(ctx, host, kind, lasts, arguments...); err != nil {
			return err
		}
	}
	return nil
}

// kill strikes by killing the server of a node.
func (s *scene) kill(ctx context.Context, host inventory.Host) error {
	s.strike()
	return s.hosts.Now(ctx, host, "kill", s.hosts.Folders[0])
}

// cut strikes by dropping packets of a node, of the peers when there are any.
func (s *scene) cut(ctx context.Context, host inventory.Host, direction string, lasts time.Duration, peers ...inventory.Host) error {
	arguments := []string{direction, s.cluster.Client.PrivateAddress}
	for _, p := range peers {
		arguments = append(arguments, p.PrivateAddress)
	}
	s.strike()
	return s.harm(ctx, host, "cut", lasts, arguments...)
}

// awaitPrimary waits until another node than the one at the start takes
// writes, and returns it.
func (s *scene) awaitPrimary(ctx context.Context, limit time.Duration) (inventory.Host, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no other node was promoted within %s", limit))
	defer cancel()
	for {
		if name := s.watch.writable(); name != "" && name != s.primary.Name {
			return s.cluster.host(name), nil
		}
		if err := drill.Pause(ctx, 200*time.Millisecond); err != nil {
			return inventory.Host{}, err
		}
	}
}

// awaitHealth waits until everything is well, three looks in a row. It
// returns what was not when the limit is over.
func (s *scene) awaitHealth(ctx context.Context, limit time.Duration) ([]string, error) {
	deadline := time.Now().Add(limit)
	for well := 0; ; {
		problems := s.healthy(ctx)
		if well++; len(problems) > 0 {
			well = 0
		}
		if well == 3 {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return problems, nil
		}
		if err := drill.Pause(ctx, 2*time.Second); err != nil {
			return problems, err
		}
	}
}

// settled is awaitHealth for the middle of a scenario.
func (s *scene) settled(ctx context.Context, limit time.Duration) error {
	problems, err := s.awaitHealth(ctx, limit)
	if err == nil && len(problems) > 0 {
		err = errors.New(problems[0])
	}
	if err != nil {
		return fmt.Errorf("wait until the cluster is whole between two faults: %w", err)
	}
	return nil
}
