package zookeeper

import (
	"context"
	"fmt"
)

// PlanReplace decides whether a server's machine can be replaced by a new one,
// which begins without data: the others must be a majority without it.
func PlanReplace(s Status, environment, name string) (Member, error) {
	op := "replace " + name
	m, err := s.named(op, environment, name)
	if err != nil {
		return m, err
	}
	if len(s.Members) == 1 {
		return m, refused(op, []string{"it holds the only copy of the data"}, "set products.pipeline.zookeeper.size to 3, then infra zk grow "+environment)
	}
	voting := 0
	var reasons []string
	for _, other := range s.Members {
		switch {
		case other.Number == m.Number:
		case other.Mode == Leader || other.Mode == Follower:
			voting++
		default:
			reasons = append(reasons, other.Name+" does not serve either")
		}
	}
	if voting < s.Quorum {
		return m, refused(op, append([]string{fmt.Sprintf("without it %d servers vote, and %d are needed", voting, s.Quorum)}, reasons...), "infra zk status "+environment)
	}
	return m, nil
}

// Replace has a server's instance and volumes replaced and waits until the new
// server votes. machine makes and configures it; look is asked of the ensemble
// as it is then.
func Replace(ctx context.Context, w Work, m Member, machine func(context.Context) error, look func(context.Context) Status) (*Done, error) {
	o := w.begin(ReplaceSchema, m.Name)
	o.step(m.Name, "its instance %s is replaced", m.ID)
	o.Touched(o.host(m), "replaced")
	if err := machine(ctx); err != nil {
		return nil, err
	}
	votes := false
	s, err := o.whole(ctx, func(ctx context.Context) Status {
		s := look(ctx)
		for _, now := range s.Members {
			if now.Number == m.Number && (now.Mode == Leader || now.Mode == Follower) && !votes {
				votes = true
				o.step(m.Name, "votes as server %d", now.Server)
			}
		}
		return s
	})
	return o.end(s), err
}
