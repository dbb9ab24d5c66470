package audit

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Class is who stands behind a source, from the widest.
type Class string

// The classes.
const (
	Internet Class = "internet"
	Outside  Class = "outside" // a public network that somebody has named: an office, a customer
	Private  Class = "private" // a private network elsewhere: a customer's, behind a gateway
	Peer     Class = "peer"    // a network that this one is peered with
	Inside   Class = "vpc"     // this network
	Members  Class = "group"   // members of a security group
	classes        = "internet outside private peer vpc group"
)

// Exposure is a row of who can reach what.
type Exposure struct {
	Class  Class    `json:"class"`
	From   string   `json:"from"`
	Ports  string   `json:"ports"`
	Group  string   `json:"group"`
	Hosts  []string `json:"hosts"`
	Public []string `json:"public"` // addresses at which the internet finds them
}

// Exposures is who can reach what, the widest source first.
func Exposures(f *Facts) []Exposure {
	out := []Exposure{}
	for _, g := range f.Groups {
		for _, in := range g.Ingress {
			e := Exposure{Class: f.classOf(in), From: in.source(), Ports: in.ports(), Group: cmp.Or(g.Name, g.ID), Hosts: []string{}, Public: []string{}}
			for _, m := range g.Members {
				e.Hosts = append(e.Hosts, m.Name)
				if m.Public != "" {
					e.Public = append(e.Public, m.Public)
				}
			}
			slices.Sort(e.Hosts)
			e.Hosts = slices.Compact(e.Hosts)
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Exposure) int {
		return cmp.Or(cmp.Compare(strings.Index(classes, string(a.Class)), strings.Index(classes, string(b.Class))),
			cmp.Compare(a.From, b.From), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Ports, b.Ports))
	})
	return out
}

// source is whom a rule lets in.
func (in Ingress) source() string {
	switch {
	case in.Group != "":
		return cmp.Or(in.Name, in.Group)
	case in.List != "":
		return in.List
	default:
		texts := make([]string, 0, len(in.Ranges))
		for _, r := range in.Ranges {
			texts = append(texts, r.String())
		}
		return strings.Join(texts, ", ")
	}
}

// ports is what a rule opens.
func (in Ingress) ports() string {
	switch {
	case in.Protocol == "-1":
		return "everything"
	case in.From < 0:
		return in.Protocol + " all"
	case in.From == in.To:
		return fmt.Sprintf("%s %d", in.Protocol, in.From)
	default:
		return fmt.Sprintf("%s %d-%d", in.Protocol, in.From, in.To)
	}
}

// classOf is the widest class of a rule's sources.
func (f *Facts) classOf(in Ingress) Class {
	if in.Group != "" {
		return Members
	}
	widest := Inside
	for _, r := range in.Ranges {
		if c := f.classOfRange(r); strings.Index(classes, string(c)) < strings.Index(classes, string(widest)) {
			widest = c
		}
	}
	return widest
}

// Half of the internet, or more than a registry gives to anybody, is the
// internet: two halves are a known way around a check for 0.0.0.0/0.
const (
	widestIPv4 = 7
	widestIPv6 = 16
)

func (f *Facts) classOfRange(r netip.Prefix) Class {
	inside := func(all []netip.Prefix) bool {
		return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(r.Addr()) && p.Bits() <= r.Bits() })
	}
	switch {
	case r.Addr().Is4() && r.Bits() <= widestIPv4, !r.Addr().Is4() && r.Bits() <= widestIPv6:
		return Internet
	case inside(f.VPC.Ranges):
		return Inside
	case inside(f.VPC.Peers):
		return Peer
	case r.Addr().IsPrivate():
		return Private
	default:
		return Outside
	}
}

// opens tells whether a rule opens one of some ports.
func (in Ingress) opens(ports []int) bool {
	if in.Protocol != "-1" && in.Protocol != "tcp" && in.Protocol != "udp" {
		return false
	}
	return in.Protocol == "-1" || in.From < 0 || slices.ContainsFunc(ports, func(p int) bool { return in.From <= p && p <= in.To })
}

// all tells whether a rule opens every port.
func (in Ingress) all() bool {
	return in.Protocol == "-1" || in.From < 0 && in.Protocol != "icmp" && in.Protocol != "icmpv6" || in.From <= 1 && in.To == 65535
}

// reached are the members of a group at their public addresses.
func (g Group) reached() []string {
	var out []string
	for _, m := range g.Members {
		if m.Public != "" {
			out = append(out, m.Name+" at "+m.Public)
		}
	}
	return out
}
