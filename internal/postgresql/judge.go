package postgresql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Limits beyond which something is a problem; they are those of the alarms.
const (
	mostLagBytes   = 64 << 20
	mostLagSeconds = 30
	mostUsed       = 0.8 // of max_connections
	mostRetained   = 0.5 // of max_slot_wal_keep_size
)

// Judge decides what the nodes' answers mean together, and fills in what only
// the primary knows about its standbys.
func Judge(nodes []Node, endpoint Endpoint) Status {
	s := Status{Engine: "postgresql", Problems: []string{}, Endpoint: endpoint, Nodes: slices.Clone(nodes)}
	slices.SortFunc(s.Nodes, func(a, b Node) int { return cmp.Compare(a.Number, b.Number) })
	for _, n := range s.Nodes {
		if n.Reached {
			s.Reached++
		}
	}
	if len(s.Nodes) > 0 && s.Reached == 0 {
		s.problem("no server could be asked: %s", s.Nodes[0].Error)
		return s
	}
	var writable []*Node
	for i := range s.Nodes {
		n := &s.Nodes[i]
		switch {
		case strings.Contains(n.Error, n.Name):
			s.problem("%s", n.Error)
		case n.Error != "":
			s.problem("%s: %s", n.Name, n.Error)
		}
		if n.Writable {
			writable = append(writable, n)
		}
	}
	if len(writable) != 1 {
		s.judgeWithoutPrimary(writable)
		return s
	}
	primary := writable[0]
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.answer == nil {
			continue
		}
		switch n.Role {
		case Standby:
			s.judgeStandby(n, primary)
		case Witness:
			if registered, ok := primary.answer.row(n.Number); ok {
				n.Follows = s.named(func(other Node) bool { return other.Number == registered.Upstream })
			}
		case Primary:
			if n != primary {
				s.problem("%s believes to be the primary and takes no writes", n.Name)
			}
		}
		s.judgeWatch(n)
	}
	s.judgeRows(primary)
	s.judgePrimary(primary)
	s.Serving = s.judgeEndpoint(primary)
	return s
}

// judgeWithoutPrimary says what is wrong when none or several take writes;
// nothing else can be judged then.
func (s *Status) judgeWithoutPrimary(writable []*Node) {
	if len(writable) > 1 {
		var names []string
		for _, n := range writable {
			names = append(names, fmt.Sprintf("%s (timeline %d)", n.Name, n.Timeline))
		}
		s.Problems = append([]string{fmt.Sprintf("%d nodes take writes: %s; stop all but the one that the address leads to before more data diverges",
			len(names), strings.Join(names, ", "))}, s.Problems...)
	} else {
		s.Problems = append([]string{"no node takes writes"}, s.Problems...)
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.answer == nil {
			continue
		}
		if n.Role == Standby {
			n.Streaming = n.answer.receiving()
			n.LagSeconds = n.answer.SinceReplay
		}
		s.judgeWatch(n)
	}
}

func (a *answer) receiving() bool { return a.Receiver != nil && a.Receiver.State == "streaming" }

func (s *Status) judgeStandby(n, primary *Node) {
	a, p := n.answer, primary.answer
	n.Streaming = a.receiving()
	n.LagBytes = max(0, p.Position-a.Position)
	n.LagSeconds = a.SinceReplay
	if n.Streaming {
		n.LagSeconds = 0
	}
	if a.Receiver != nil {
		n.Follows = s.named(func(other Node) bool { return other.Address == a.Receiver.Host })
	}
	for _, replica := range p.Replicas {
		if replica.Name == n.Name && replica.State == "streaming" {
			n.Sync = replica.Sync
			n.LagBytes, n.LagSeconds = max(0, replica.LagBytes), replica.LagSeconds
		}
	}
	switch {
	case a.System != p.System:
		s.problem("%s belongs to another cluster than %s: clone it anew", n.Name, primary.Name)
		return
	case a.Timeline != p.Timeline:
		s.problem("%s is on timeline %d, the primary on %d", n.Name, a.Timeline, p.Timeline)
	}
	if !n.Streaming {
		s.problem("%s does not receive from the primary", n.Name)
	}
	if a.ReplayPaused {
		s.problem("replay is paused on %s", n.Name)
	}
	if n.LagBytes > mostLagBytes || n.LagSeconds > mostLagSeconds && n.LagBytes > 0 {
		s.problem("%s lags by %d MiB and %.0f s", n.Name, n.LagBytes>>20, n.LagSeconds)
	}
}

// named is the name of the one node that is meant, empty when there is none.
func (s *Status) named(meant func(Node) bool) string {
	if i := slices.IndexFunc(s.Nodes, meant); i >= 0 {
		return s.Nodes[i].Name
	}
	return ""
}

// judgeWatch looks at the daemon that decides about failovers.
func (s *Status) judgeWatch(n *Node) {
	switch n.Repmgrd {
	case "down":
		s.problem("repmgrd does not run on %s", n.Name)
	case "paused":
		s.problem("repmgrd is paused on %s", n.Name)
	}
}

// judgeRows compares the primary's rows of repmgr.nodes, by which a failover
// would go, with what the nodes are.
func (s *Status) judgeRows(primary *Node) {
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.answer == nil && n.Error == "" {
			s.problem("%s was not asked", n.Name)
			continue
		}
		registered, ok := primary.answer.row(n.Number)
		switch {
		case !ok:
			s.problem("%s is not registered with repmgr", n.Name)
		case !registered.Active:
			s.problem("repmgr holds %s for inactive", n.Name)
		case n.Role != "" && registered.Type != n.Role:
			s.problem("%s is a %s, repmgr holds it for a %s", n.Name, n.Role, registered.Type)
		case registered.Type == Witness && registered.Upstream != primary.Number:
			s.problem("%s follows node %d, not the primary %s: a failover would have no quorum", n.Name, registered.Upstream, primary.Name)
		}
	}
}

func (s *Status) judgePrimary(primary *Node) {
	for _, slot := range primary.Slots {
		limit := primary.answer.SlotLimit
		switch {
		case slot.WALStatus == "lost":
			s.problem("slot %s has lost WAL that its standby needs: clone the standby anew", slot.Name)
		case !slot.Active:
			s.problem("slot %s is not in use and retains %d MiB", slot.Name, slot.RetainedBytes>>20)
		case limit > 0 && float64(slot.RetainedBytes) > mostRetained*float64(limit):
			s.problem("slot %s retains %d of %d MiB", slot.Name, slot.RetainedBytes>>20, limit>>20)
		}
	}
	if primary.MaxConnections > 0 && float64(primary.Connections) > mostUsed*float64(primary.MaxConnections) {
		s.problem("%d of %d connections are in use", primary.Connections, primary.MaxConnections)
	}
}

// judgeEndpoint says whether clients get to the primary, as far as is known.
func (s *Status) judgeEndpoint(primary *Node) bool {
	switch {
	case s.Endpoint.Error != "":
		s.problem("who holds the address %s is unknown: %s", s.Endpoint.Address, s.Endpoint.Error)
	case s.Endpoint.Holder == "":
		s.problem("the address %s leads to none of the nodes", s.Endpoint.Address)
		return false
	case s.Endpoint.Holder != primary.Name:
		s.problem("the address %s leads to %s, the primary is %s", s.Endpoint.Address, s.Endpoint.Holder, primary.Name)
		return false
	}
	return true
}

func (s *Status) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}
