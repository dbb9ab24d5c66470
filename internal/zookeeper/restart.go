package zookeeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// PlanRestart is the order in which servers are restarted, all when none is
// named: observers, followers, the leader last, so that leadership moves once.
// It is refused while anything is wrong.
func PlanRestart(s Status, environment string, names []string) ([]Member, error) {
	op := "restart the ensemble of " + environment
	if !s.Serving || len(s.Problems) > 0 {
		return nil, refused(op, s.Problems, "infra zk status "+environment)
	}
	order := slices.Clone(s.Members)
	if len(names) > 0 {
		order = nil
		for _, name := range names {
			m, err := s.named(op, environment, name)
			if err != nil {
				return nil, err
			}
			order = append(order, m)
		}
	}
	slices.SortStableFunc(order, func(a, b Member) int { return cmp.Or(cmp.Compare(turn(a), turn(b)), cmp.Compare(a.Number, b.Number)) })
	return slices.CompactFunc(order, func(a, b Member) bool { return a.Number == b.Number }), nil
}

// turn is when a member's restart is due among the others'.
func turn(m Member) int {
	return slices.Index([]string{Observer, Follower, Standalone, Leader}, m.Mode)
}

// Restart restarts servers one at a time, with newer packages when upgrade is
// set. The next one's turn comes when the ensemble is whole again: every voter
// serves and is in step with the leader.
func Restart(ctx context.Context, w Work, order []Member, upgrade bool) (*Done, error) {
	var names []string
	for _, m := range order {
		names = append(names, m.Name)
	}
	o := w.begin(RestartSchema, names...)
	var s Status
	for _, m := range order {
		o.step(m.Name, "is restarted, it was the %s", m.Mode)
		err := o.restart(ctx, m, upgrade)
		if err != nil {
			return o.end(o.Look(ctx)), fault.New(fault.Hosts, "restart "+m.Name, err, "infra zk status "+o.Environment)
		}
		if s, err = o.whole(ctx, o.Look); err != nil {
			return o.end(s), fmt.Errorf("after the restart of %s: %w", m.Name, err)
		}
		now := s.numbered(m.Number)
		o.step(m.Name, "serves again as the %s, version %s; the ensemble is whole", now.Mode, now.Version)
	}
	return o.end(s), nil
}

// restart restarts one server. While packages are changed it is stopped, so
// that no other restart of it comes in between.
func (o *operation) restart(ctx context.Context, m Member, upgrade bool) error {
	host := o.host(m)
	commands := [][]string{{"systemctl", "restart", "zookeeper.service"}}
	word := "restarted"
	if upgrade {
		word = "upgraded"
		commands = [][]string{
			{"apt-get", "update"},
			{"systemctl", "stop", "zookeeper.service"},
			{
				"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--only-upgrade", "--option=Dpkg::Options::=--force-confold",
				"zookeeper", "libzookeeper-java", "default-jre-headless", "openjdk-17-jre-headless",
			},
			{"systemctl", "start", "zookeeper.service"},
		}
	}
	o.Touched(host, word)
	for _, command := range commands {
		if _, err := o.Run(ctx, host, nil, append([]string{"sudo", "-n"}, command...)...); err != nil {
			if upgrade { // whatever came of the packages, the server is to run
				_, started := o.Run(ctx, host, nil, "sudo", "-n", "systemctl", "start", "zookeeper.service")
				return errors.Join(err, started)
			}
			return err
		}
	}
	return nil
}

func (s Status) numbered(number int) Member {
	for _, m := range s.Members {
		if m.Number == number {
			return m
		}
	}
	return Member{}
}

// host is the member's host.
func (w Work) host(m Member) inventory.Host {
	i := slices.IndexFunc(w.Hosts, func(h inventory.Host) bool { return h.ID == m.ID })
	if i < 0 {
		return inventory.Host{}
	}
	return w.Hosts[i]
}
