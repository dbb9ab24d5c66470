package zkdrill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// restart restarts all servers as infra zk restart does.
func (s *scene) restart(ctx context.Context) error {
	order, err := zookeeper.PlanRestart(s.health(ctx), s.work.Environment, nil)
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

// Programs that have a server take another clock for the system's:
// https://github.com/wolfcw/libfaketime, its README. The monotonic clock stays.
// It costs a server of Java dear: with it, waits that end after a time return at
// once (libfaketime 0.9.10 beside a JVM's monotonic clock), and every thread that
// waits so spins. Where the machine is busy with other things, it is slowness
// that is drilled, more than a clock. The offset is read once a second, as to
// read it at every look costs still more.
const (
	clockPackage = "libfaketime"
	clockLibrary = "/usr/$LIB/faketime/libfaketimeMT.so.1" // ld.so knows $LIB
	clockFile    = "/run/infra-drill-clock"
	clockDropIn  = "/run/systemd/system/zookeeper.service.d/infra-drill-clock.conf"
)

// jump has the leader's clock jump, and back. The server is started with a
// library that lets it: therefore all are restarted first, and once more in the
// end, which is not part of what is measured.
func (s *scene) jump(ctx context.Context) error {
	text := strings.Join([]string{
		"[Service]", "Environment=LD_PRELOAD=" + clockLibrary, "Environment=FAKETIME_TIMESTAMP_FILE=" + clockFile,
		"Environment=FAKETIME_CACHE_DURATION=1", "Environment=FAKETIME_DONT_FAKE_MONOTONIC=1", "",
	}, "\n")
	for _, h := range s.ensemble.Servers {
		if _, missing := s.hosts.Run(ctx, h, nil, "dpkg-query", "--show", clockPackage); missing != nil {
			if err := s.hosts.Install(ctx, h, clockPackage); err != nil {
				return err
			}
		}
		if err := s.setClock(ctx, h, "+0"); err != nil {
			return err
		}
		if _, err := s.hosts.Root(ctx, h, []byte(text), "install", "-D", "-m", "0644", "/dev/stdin", clockDropIn); err != nil {
			return err
		}
		if _, err := s.hosts.Root(ctx, h, nil, "systemctl", "daemon-reload"); err != nil {
			return err
		}
	}
	if err := s.restart(ctx); err != nil {
		return fmt.Errorf("restart with another clock: %w", err)
	}
	now := s.health(ctx)
	s.followers = nil
	s.assign(now)
	s.strike()
	s.lasted = s.struck.Add(lasting)
	if err := s.setClock(ctx, s.leader, "+3600"); err != nil {
		return err
	}
	if err := drill.Pause(ctx, lasting/2); err != nil {
		return err
	}
	return s.setClock(ctx, s.leader, "-3600")
}

func (s *scene) setClock(ctx context.Context, h inventory.Host, offset string) error {
	_, err := s.hosts.Root(ctx, h, []byte(offset+"\n"), "install", "-m", "0644", "/dev/stdin", clockFile)
	return err
}

// clockBack takes the library away again where it is, and says whether a
// server must be restarted for it.
func (s *scene) clockBack(ctx context.Context) error {
	var errs []error
	found := false
	for _, h := range s.ensemble.Servers {
		if _, err := s.hosts.Root(ctx, h, nil, "test", "-e", clockDropIn); err != nil {
			continue
		}
		found = true
		_, gone := s.hosts.Root(ctx, h, nil, "rm", "-f", clockDropIn, clockFile)
		_, loaded := s.hosts.Root(ctx, h, nil, "systemctl", "daemon-reload")
		errs = append(errs, gone, loaded)
	}
	if !found {
		return nil
	}
	return errors.Join(append(errs, s.restart(ctx))...)
}
