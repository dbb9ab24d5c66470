package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/fault"
)

// FailoverSchema is the kind and version of a failover's report.
const FailoverSchema = "infra/pg-failover/v1"

// failoverLimit is how long fencing and promoting may take: an instance that
// is stopped by force is down within a minute or two.
const failoverLimit = 10 * time.Minute

// PlanFailover decides whether infra may have a standby take over from a
// primary that is gone, and which: the most advanced of those that answer.
// The node itself has the last word: it counts the quorum and knows how far
// behind the primary it was.
func PlanFailover(o *Overview, to string, acceptLoss bool) (Move, error) {
	s, status := &o.Status, "infra pg status "+o.Environment
	op := "fail over"
	for _, n := range s.Nodes {
		if n.Writable {
			return Move{}, refused(op, []string{n.Name + " takes writes, so nothing has failed that a failover would mend"},
				"infra pg switchover "+o.Environment+", which loses nothing; "+status)
		}
	}
	if answering := s.answering(); answering*2 <= len(s.Nodes) {
		return Move{}, refused(op, []string{fmt.Sprintf("no quorum: %d of %d servers answer, so the others may have a primary of their own", answering, len(s.Nodes))},
			status+"; start the others, or mend the way to them")
	}
	best, ok := s.mostAdvanced()
	if !ok {
		return Move{}, refused(op, []string{"no standby that could take over answers"}, status)
	}
	target := best
	if to != "" && to != best.Name {
		i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name == to })
		switch {
		case i < 0:
			return Move{}, refused(op, []string{"there is no node " + to}, status)
		case !mayTakeOver(s.Nodes[i]):
			return Move{}, refused(op, []string{to + " is no standby that answers and is not fenced"}, status)
		case advance(s.Nodes[i], best) != 0 && !acceptLoss:
			return Move{}, refused(op, []string{fmt.Sprintf("%s has more of the old primary's WAL than %s", best.Name, to)},
				"infra pg failover "+o.Environment+" --to "+best.Name+", or --accept-loss to give up what only it has")
		}
		target = s.Nodes[i]
	}
	return Move{From: s.lastPrimary(target), To: target}, nil
}

// answering counts the servers that answer, the witness too.
func (s *Status) answering() int {
	count := 0
	for _, n := range s.Nodes {
		if n.answer != nil {
			count++
		}
	}
	return count
}

// mayTakeOver tells whether a node could be promoted at all.
func mayTakeOver(n Node) bool { return n.answer != nil && n.Role == Standby && n.Fenced == "" }

// advance orders standbys by what they have received, the most first.
func advance(a, b Node) int {
	return cmp.Or(cmp.Compare(b.Timeline, a.Timeline), cmp.Compare(b.received(), a.received()))
}

func (n Node) received() int64 { return max(n.answer.Received, n.answer.Position) }

// mostAdvanced is the standby with the most WAL.
func (s *Status) mostAdvanced() (Node, bool) {
	var standbys []Node
	for _, n := range s.Nodes {
		if mayTakeOver(n) {
			standbys = append(standbys, n)
		}
	}
	if len(standbys) == 0 {
		return Node{}, false
	}
	return slices.MinFunc(standbys, advance), true
}

// lastPrimary is the node that the standby's copy of repmgr's table has for
// the primary; none is an empty Node.
func (s *Status) lastPrimary(standby Node) Node {
	for _, n := range s.Nodes {
		if row, ok := standby.answer.row(n.Number); ok && row.Type == Primary && row.Active && n.Number != standby.Number {
			return n
		}
	}
	return Node{}
}

// Failover has the standby fence the old primary and take over from it. The
// host's program does both; what it notes meanwhile is told as it happens. An
// interrupt ends the waiting here, not what the host has begun.
func Failover(ctx context.Context, w Work, m Move, acceptLoss bool) (*Done, error) {
	o := w.begin(FailoverSchema, m.From.Name, m.To.Name)
	argv := []string{"failover"}
	if acceptLoss {
		argv = append(argv, "--accept-loss")
	}
	o.step(m.To.Name, "is asked to fence %s and to take over", cmp.Or(m.From.Name, "the old primary"))
	asking, cancel := context.WithTimeout(ctx, failoverLimit)
	defer cancel()
	told := o.tellEvents(asking, m.To)
	took, err := Program[taken](asking, o.Run, o.host(m.To), nil, argv...)
	told()
	if err != nil {
		return o.end(o.look(context.WithoutCancel(ctx))), failoverError(o.done.Environment, m.To, err)
	}
	o.Touched(o.host(m.To), "promoted")
	if m.From.Name != "" {
		o.Touched(o.host(m.From), "fenced")
	}
	o.stepAt(took.Promoted, m.To.Name, "is the primary, on timeline %d", took.Timeline)
	o.followAddress(context.WithoutCancel(ctx), m, o.done.Began)
	return o.end(o.look(context.WithoutCancel(ctx))), nil
}

// failoverError tells a refusal by the host, after which nothing was done, from
// a failure.
func failoverError(environment string, to Node, err error) error {
	const refusal = 3
	var ended interface{ ExitCode() int }
	if !errors.As(err, &ended) || ended.ExitCode() != refusal {
		return fault.New(fault.Failed, "fail over to "+to.Name, errors.New(said(err)), "infra pg status "+environment)
	}
	hint := "infra pg status " + environment
	if words := said(err); strings.Contains(words, "behind") || strings.Contains(words, "in sync") {
		hint = "infra pg failover " + environment + " --accept-loss, if those rows may be lost"
	}
	return fault.New(fault.Refused, "fail over to "+to.Name, errors.New(said(err)), hint)
}
