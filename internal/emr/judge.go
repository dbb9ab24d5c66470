package emr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/emr/types"
)

// Judge decides what the answers mean together; active is the colour that the
// state names. A colour that is not active may be starting: it is about to
// take over.
func Judge(pointer Pointer, clusters []Cluster, active string) Status {
	s := Status{Problems: []string{}, Pointer: pointer, Clusters: slices.Clone(clusters)}
	var current *Cluster
	for i := range s.Clusters {
		c := &s.Clusters[i]
		if c.Active {
			current = c
		}
		if c.State != "" {
			s.Reached++
		}
		s.judgeCluster(c)
	}
	if current == nil {
		s.problem("there is no cluster of the active colour %s", active)
		return s
	}
	s.Serving = takesJobs(current.State) && s.judgePointer(current)
	return s
}

func takesJobs(state string) bool {
	return state == string(types.ClusterStateWaiting) || state == string(types.ClusterStateRunning)
}

func (s *Status) judgeCluster(c *Cluster) {
	if c.Error != "" {
		s.problem("%s (%s): %s", c.Colour, c.ID, c.Error)
	}
	gone := strings.HasPrefix(c.State, "TERMINAT")
	if c.State != "" && !takesJobs(c.State) && (c.Active || gone) {
		s.problem("%s (%s) is %s%s", c.Colour, c.ID, c.State, because(c.Reason))
	}
	if takesJobs(c.State) {
		for _, g := range c.Groups {
			if g.Running < g.Requested {
				s.problem("%s: %d of %d %s nodes run", c.Colour, g.Running, g.Requested, strings.ToLower(g.Type))
			}
		}
	}
	for _, alarm := range c.Alarms {
		if alarm.State == "ALARM" {
			s.problem("%s: the alarm %s is on", c.Colour, alarm.Name)
		}
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// judgePointer says whether jobs get to the active cluster, as far as is
// known.
func (s *Status) judgePointer(current *Cluster) bool {
	p := s.Pointer
	switch {
	case p.Error != "":
		s.problem("parameter %s: %s", p.Parameter, p.Error)
		return true
	case p.Colour != current.Colour || p.ClusterID != current.ID:
		s.problem("parameter %s leads to %s (%s), the active cluster is %s (%s)", p.Parameter, orNothing(p.Colour), orNothing(p.ClusterID), current.Colour, current.ID)
		return false
	case p.Target != current.PrimaryDNS:
		s.problem("%s is meant to lead to %s, the active cluster's primary node is %s", p.Name, orNothing(p.Target), current.PrimaryDNS)
		return false
	}
	return true
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func (s *Status) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}
