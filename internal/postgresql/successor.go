package postgresql

import (
	"cmp"
	"fmt"
	"slices"
)

// mostBehind is how much WAL a standby may still have to receive and replay
// when the primary is about to stop for it.
const mostBehind = 16 << 20

// Move is a change of the primary that may be made.
type Move struct{ From, To Node }

// PlanSwitchover decides whether the primary can be changed without losing
// anything, and to which standby: the one that is named, else the one that is
// nearest to the primary. It refuses with every reason that there is.
func PlanSwitchover(o *Overview, to string) (Move, error) {
	s := &o.Status
	primary := s.Primary()
	if primary == nil {
		return Move{}, refused("switch over", []string{"there is no one primary that could hand over"}, "infra pg failover "+o.Environment)
	}
	target, reasons := s.successor(*primary, to)
	if len(reasons) == 0 {
		reasons = s.againstMove(*primary, target)
	}
	if len(reasons) > 0 {
		return Move{}, refused("switch over from "+primary.Name, reasons, "infra pg status "+o.Environment)
	}
	return Move{From: *primary, To: target}, nil
}

// successor is the standby that is to take over.
func (s *Status) successor(primary Node, to string) (Node, []string) {
	var standbys []Node
	for _, n := range s.Nodes {
		switch {
		case n.Name == to && n.Number == primary.Number:
			return Node{}, []string{to + " is the primary already"}
		case n.Name == to && (n.Role == Witness || n.RecordedRole == Witness):
			return Node{}, []string{to + " is the witness, it has no data"}
		case n.Name == to:
			return n, nil
		case n.Role == Standby:
			standbys = append(standbys, n)
		}
	}
	if to != "" {
		return Node{}, []string{"there is no node " + to}
	}
	if len(standbys) == 0 {
		return Node{}, []string{"there is no standby"}
	}
	return slices.MinFunc(standbys, func(a, b Node) int {
		return cmp.Or(sortBool(a.Streaming, b.Streaming), sortBool(inSync(a), inSync(b)), cmp.Compare(a.LagBytes, b.LagBytes), cmp.Compare(a.Number, b.Number))
	}), nil
}

// sortBool puts what is true first.
func sortBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

func inSync(n Node) bool { return n.Sync == "sync" || n.Sync == "quorum" }

// againstMove are the reasons for which the standby must not take over from
// the primary now.
func (s *Status) againstMove(primary, to Node) []string {
	var reasons []string
	not := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	for _, n := range s.Nodes {
		if n.answer == nil {
			not("%s does not answer, and every node must hold still meanwhile (%s)", n.Name, n.Error)
		}
	}
	switch {
	case to.answer == nil:
	case to.answer.System != primary.answer.System:
		not("%s belongs to another cluster", to.Name)
	case to.Timeline != primary.Timeline:
		not("%s is on timeline %d, the primary on %d", to.Name, to.Timeline, primary.Timeline)
	case !to.Streaming:
		not("%s does not receive from the primary", to.Name)
	case to.answer.ReplayPaused:
		not("replay is paused on %s", to.Name)
	case to.LagBytes > mostBehind:
		not("%s lags by %d MiB, more than %d", to.Name, to.LagBytes>>20, mostBehind>>20)
	}
	if to.Fenced != "" {
		not("%s is fenced (%s)", to.Name, to.Fenced)
	}
	if primary.answer.ArchiveFailing {
		not("%s cannot archive its WAL, and a server that stops waits for that", primary.Name)
	}
	if s.Endpoint.Error == "" && s.Endpoint.Holder != primary.Name {
		not("the address %s does not lead to the primary", s.Endpoint.Address)
	}
	for _, n := range []Node{primary, to} {
		if n.Agent != nil && !n.Agent.Running {
			not("the agent does not run on %s", n.Name)
		}
	}
	return reasons
}
