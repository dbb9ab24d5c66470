package zookeeper

import (
	"context"
	"fmt"
	"slices"

	"infra/internal/fault"
)

// PlanGrow decides whether the ensemble can be made larger: size is what the
// environment's file, which is file, says.
func PlanGrow(s Status, environment, file string, size int) error {
	op := "grow the ensemble of " + environment
	switch now := len(s.Members); {
	case !s.Serving || len(s.Problems) > 0:
		return refused(op, s.Problems, "infra zk status "+environment)
	case size < now:
		return refused(op, []string{fmt.Sprintf("its file asks for %d servers, and there are %d", size, now)}, "infra zk shrink "+environment)
	case size == now:
		return refused(op, []string{fmt.Sprintf("there are %d servers, as its file says", now)}, "set products.pipeline.zookeeper.size in "+file+", then infra zk grow "+environment)
	}
	return nil
}

// PlanShrink decides which servers leave, the highest numbers: size is what
// the environment's file, which is file, says. Servers that do not serve may leave; those that
// stay must be whole.
func PlanShrink(s Status, environment, file string, size int) (leave []Member, err error) {
	op := "shrink the ensemble of " + environment
	now := len(s.Members)
	if size >= now {
		return nil, refused(op, []string{fmt.Sprintf("there are %d servers, and its file asks for %d", now, size)}, "set products.pipeline.zookeeper.size in "+file+", then infra zk shrink "+environment)
	}
	if !s.Serving {
		return nil, refused(op, s.Problems, "infra zk status "+environment)
	}
	var reasons []string
	for _, m := range s.Members {
		if m.Number > size {
			leave = append(leave, m)
		} else if m.Mode == "" {
			reasons = append(reasons, m.Name+" would stay and does not serve")
		}
	}
	if len(reasons) > 0 {
		return nil, refused(op, reasons, "infra zk replace "+environment+" SERVER")
	}
	slices.Reverse(leave)
	return leave, nil
}

// Grow has servers made and waits until they vote. machines makes and
// configures them, look is asked of the ensemble as it is then.
func Grow(ctx context.Context, w Work, machines func(context.Context) error, look func(context.Context) Status) (*Done, error) {
	o := w.begin(GrowSchema)
	o.step("", "the ensemble of %d grows", len(w.Hosts))
	if err := machines(ctx); err != nil {
		return nil, err
	}
	s, err := o.whole(ctx, look)
	for _, m := range s.Members {
		if m.Number > len(w.Hosts) {
			o.done.Servers = append(o.done.Servers, m.Name)
			o.step(m.Name, "votes as server %d", m.Server)
		}
	}
	return o.end(s), err
}

// Shrink takes servers out of the ensemble, stops them and has their machines
// removed. out takes them out of the membership; machines removes them.
func Shrink(ctx context.Context, w Work, leave []Member, out, machines func(context.Context) error, look func(context.Context) Status) (*Done, error) {
	var names []string
	for _, m := range leave {
		names = append(names, m.Name)
	}
	o := w.begin(ShrinkSchema, names...)
	if err := out(ctx); err != nil {
		return nil, err
	}
	o.step("", "%d servers are no members any more", len(leave))
	for _, m := range leave {
		o.Touched(o.host(m), "left the ensemble")
		if m.Reached {
			if _, err := o.Run(ctx, o.host(m), nil, "sudo", "-n", "systemctl", "disable", "--now", "zookeeper.service"); err != nil {
				return o.end(o.Look(ctx)), fault.New(fault.Hosts, "stop "+m.Name, err, "infra zk shrink "+o.Environment)
			}
			o.step(m.Name, "is stopped")
		}
	}
	if err := machines(ctx); err != nil {
		return nil, err
	}
	o.step("", "their machines are removed")
	s, err := o.whole(ctx, look)
	return o.end(s), err
}
