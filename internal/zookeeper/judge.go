package zookeeper

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Limits beyond which a serving member is a problem; they are those of the
// alarms.
const (
	mostOutstanding = 100
	mostLatency     = 100 // milliseconds
)

// Judge decides what the members' answers mean together. Every member is
// expected to serve, and the voters that servers know are expected to be
// exactly these members.
func Judge(members []Member) Status {
	s := Status{Members: slices.Clone(members), Problems: []string{}, Quorum: len(members)/2 + 1}
	slices.SortFunc(s.Members, func(a, b Member) int { return cmp.Compare(a.Number, b.Number) })
	if len(members) == 0 {
		s.Problems = append(s.Problems, "there are no members")
		return s
	}
	for _, m := range s.Members {
		if m.Reached {
			s.Reached++
		}
	}
	if first := s.Members[0]; s.Reached == 0 && first.Error != "" {
		s.problem("no server could be asked: %s", first.Error)
		return s
	}
	var leaders, numbers []string
	var expected []int
	voting := 0
	synced := 0
	for _, m := range s.Members {
		expected = append(expected, m.Number)
		numbers = append(numbers, fmt.Sprint(m.Number))
		switch m.Mode {
		case Leader, Standalone:
			leaders = append(leaders, m.Name)
			synced = m.SyncedFollowers
			voting++
		case Follower:
			voting++
		}
	}
	switch {
	case len(leaders) == 0:
		s.problem("no member leads")
	case len(leaders) > 1:
		s.problem("%d members lead: %s", len(leaders), strings.Join(leaders, ", "))
	}
	switch {
	case voting < s.Quorum:
		s.problem("no quorum: %d of %d voters serve, %d are needed", voting, len(members), s.Quorum)
	case voting < len(members):
		s.problem("%d of %d voters serve", voting, len(members))
	}
	if len(leaders) == 1 && voting == len(members) && synced != voting-1 {
		s.problem("%d of %d followers are in step with the leader", synced, voting-1)
	}
	for _, m := range s.Members {
		s.judgeMember(m, expected, numbers)
	}
	s.Serving = len(leaders) == 1 && voting >= s.Quorum
	return s
}

func (s *Status) judgeMember(m Member, expected []int, numbers []string) {
	switch {
	case m.Mode == "" && m.Error == "":
		s.problem("%s does not serve", m.Name)
		return
	case m.Mode == "" && strings.Contains(m.Error, m.Name):
		s.problem("%s", m.Error)
		return
	case m.Mode == "":
		s.problem("%s: %s", m.Name, m.Error)
		return
	case m.Mode == Observer:
		s.problem("%s is an observer and does not vote", m.Name)
	case m.Mode == Standalone && len(expected) > 1:
		s.problem("%s runs alone, outside the ensemble", m.Name)
	}
	if len(m.Voters) > 0 && !slices.Equal(m.Voters, expected) {
		s.problem("%s knows the voters %s, the state has %s", m.Name, strings.Trim(fmt.Sprint(m.Voters), "[]"), strings.Join(numbers, " "))
	}
	if m.Outstanding > mostOutstanding {
		s.problem("%s has %d outstanding requests", m.Name, m.Outstanding)
	}
	if m.AverageLatency > mostLatency {
		s.problem("%s answers after %.0f ms on average", m.Name, m.AverageLatency)
	}
}

func (s *Status) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}
