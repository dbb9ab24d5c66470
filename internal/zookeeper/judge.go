package zookeeper

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostOutstanding is beyond how many waiting requests a serving member is a
// problem, as for the alarm. The latency is none: a server tells its mean since
// it was started, the alarm goes by that of the last minutes.
const mostOutstanding = 100

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
	var leaders, expected []string
	voting := 0
	synced := 0
	for _, m := range s.Members {
		expected = append(expected, m.Address)
		switch m.Mode {
		case Leader, Standalone:
			leaders = append(leaders, m.Name)
			if len(m.Voters) > 0 { // how many make a majority is the ensemble's own affair
				s.Quorum = len(m.Voters)/2 + 1
			}
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
		s.judgeMember(m, expected)
	}
	s.Serving = len(leaders) == 1 && voting >= s.Quorum
	return s
}

func (s *Status) judgeMember(m Member, expected []string) {
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
	s.judgeVoters(m, expected)
	if m.Outstanding > mostOutstanding {
		s.problem("%s has %d outstanding requests", m.Name, m.Outstanding)
	}
}

// judgeVoters compares the voters that a server knows with the members.
func (s *Status) judgeVoters(m Member, expected []string) {
	var known []string
	for _, v := range m.Voters {
		known = append(known, v.Address)
	}
	slices.Sort(known)
	slices.Sort(expected)
	if len(known) > 0 && !slices.Equal(known, expected) {
		s.problem("%s knows the voters at %s, the state has them at %s", m.Name, strings.Join(known, ", "), strings.Join(expected, ", "))
	}
}

func (s *Status) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}
