package zookeeper

import (
	"cmp"
	"context"
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

// Restart restarts servers one at a time. The next one's turn comes when the
// ensemble is whole again: every voter serves and is in step with the leader.
func Restart(ctx context.Context, w Work, order []Member) (*Done, error) {
	var names []string
	for _, m := range order {
		names = append(names, m.Name)
	}
	o := w.begin(RestartSchema, names...)
	var s Status
	for _, m := range order {
		host := o.host(m)
		o.step(m.Name, "is restarted, it was the %s", m.Mode)
		o.Touched(host, "restarted")
		if _, err := o.Run(ctx, host, nil, "sudo", "-n", "systemctl", "restart", "zookeeper.service"); err != nil {
			return o.end(o.Look(ctx)), fault.New(fault.Hosts, "restart "+m.Name, err, "infra zk status "+o.Environment)
		}
		var err error
		if s, err = o.whole(ctx, o.Look); err != nil {
			return o.end(s), fmt.Errorf("after the restart of %s: %w", m.Name, err)
		}
		o.step(m.Name, "serves again as the %s; the ensemble is whole", modeOf(s, m))
	}
	return o.end(s), nil
}

func modeOf(s Status, m Member) string {
	for _, now := range s.Members {
		if now.Number == m.Number {
			return now.Mode
		}
	}
	return ""
}

// host is the member's host.
func (w Work) host(m Member) inventory.Host {
	i := slices.IndexFunc(w.Hosts, func(h inventory.Host) bool { return h.ID == m.ID })
	if i < 0 {
		return inventory.Host{}
	}
	return w.Hosts[i]
}
