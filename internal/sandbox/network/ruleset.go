package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"infra/internal/sandbox/emulator"
)

// Ruleset is the packet filter of the namespace as nft reads it: one
// transaction that replaces the table of before. It is a function of its
// arguments alone, so that equal texts need not be applied again.
//
// A packet that is forwarded passes three chains in turn, and each must accept
// it: isolation (VPCs and the link), leaving (egress rules of the sender's
// security groups) and arriving (ingress rules of the receiver's). What
// connection tracking knows passes all of them, as on AWS.
func Ruleset(layout Layout, snapshot emulator.Snapshot, plan Plan) string {
	w := &writer{
		layout: layout, plan: plan,
		groups:  relevantGroups(snapshot, plan),
		mapping: Mapping(snapshot, plan),
		seenAs:  seenAs(snapshot, plan),
	}
	w.members = membersOf(plan)
	return w.write()
}

// Mapping gives the private address behind each public address in use by a
// host.
func Mapping(snapshot emulator.Snapshot, plan Plan) map[string]string {
	own := addressesOf(plan)
	mapping := map[string]string{}
	for _, public := range snapshot.PublicAddresses {
		if public.Address != "" && own[public.PrivateAddress] != "" {
			mapping[public.Address] = public.PrivateAddress
		}
	}
	return mapping
}

// seenAs gives the public address that others see a private one as, when it
// speaks to a public address: its own, else that of its VPC's NAT gateway.
func seenAs(snapshot emulator.Snapshot, plan Plan) map[string]string {
	own := addressesOf(plan)
	gateways := map[string]string{}
	seen := map[string]string{}
	for _, public := range snapshot.PublicAddresses {
		switch {
		case public.Address == "" || public.PrivateAddress == "":
		case own[public.PrivateAddress] != "":
			seen[public.PrivateAddress] = public.Address
		case public.Instance == "" && gateways[public.VPC] == "":
			gateways[public.VPC] = public.Address
		}
	}
	for address, vpc := range own {
		if gateway := gateways[vpc]; seen[address] == "" && gateway != "" {
			seen[address] = gateway
		}
	}
	return seen
}

// addressesOf maps every private address of a host to its VPC.
func addressesOf(plan Plan) map[string]string {
	own := map[string]string{}
	for _, host := range plan.Hosts {
		for _, address := range privateAddresses(host) {
			own[address] = host.VPC
		}
	}
	return own
}

func privateAddresses(host emulator.Instance) []string {
	all := slices.Clone(host.PrivateAddresses)
	if host.PrimaryAddress != "" && !slices.Contains(all, host.PrimaryAddress) {
		all = append(all, host.PrimaryAddress)
	}
	slices.Sort(all)
	return all
}

// writer holds what the lines of one ruleset are made from.
type writer struct {
	lines   []string
	layout  Layout
	plan    Plan
	groups  []emulator.SecurityGroup
	members map[string][]string
	mapping map[string]string
	seenAs  map[string]string
}

func (w *writer) linef(format string, arguments ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, arguments...)+"\n")
}

func (w *writer) write() string {
	w.linef("table ip infra {}")
	w.linef("delete table ip infra")
	w.linef("table ip infra {")
	w.sets()
	w.translation()
	w.input()
	w.isolation()
	w.groupChains()
	w.hostChains()
	w.linef("}")
	return strings.Join(w.lines, "")
}

func (w *writer) sets() {
	var plugged, together []string
	for _, a := range w.plan.Subnets {
		plugged = append(plugged, fmt.Sprintf("%q . %s", Bridge(a.ID), a.CIDR))
		for _, b := range w.plan.Subnets {
			if a.VPC == b.VPC {
				together = append(together, fmt.Sprintf("%q . %q", Bridge(a.ID), Bridge(b.ID)))
			}
		}
	}
	w.set("set plugged", "type ifname . ipv4_addr; flags interval;", plugged)
	w.set("set one_vpc", "type ifname . ifname;", together)
	w.set("map public_to_private", "type ipv4_addr : ipv4_addr;", pairs(w.mapping))
	w.set("map seen_as", "type ipv4_addr : ipv4_addr;", pairs(w.seenAs))
	w.set("set public_senders", "type ipv4_addr;", slices.Sorted(maps.Keys(w.seenAs)))
	for _, group := range w.groups {
		members := slices.Clone(w.members[group.ID])
		slices.Sort(members)
		w.set("set "+member(group.ID), "type ipv4_addr;", slices.Compact(members))
	}
}

func (w *writer) set(name, kind string, elements []string) {
	if len(elements) == 0 {
		w.linef("  %s { %s }", name, kind)
		return
	}
	w.linef("  %s { %s elements = { %s } }", name, kind, strings.Join(elements, ", "))
}

func (w *writer) translation() {
	w.linef("  chain prerouting {")
	w.linef("    type nat hook prerouting priority dstnat; policy accept;")
	w.linef("    dnat to ip daddr map @public_to_private")
	w.linef("  }")
	w.linef("  chain postrouting {")
	w.linef("    type nat hook postrouting priority srcnat; policy accept;")
	w.linef("    ct original ip daddr %s snat to ip saddr map @seen_as", w.layout.PublicRange())
	w.linef("  }")
}

func (w *writer) input() {
	w.linef("  chain input {")
	w.linef("    type filter hook input priority filter; policy drop;")
	w.linef("    ct state established,related accept")
	w.linef("    iifname \"lo\" accept")
	w.linef("    icmp type echo-request accept")
	for _, service := range []struct{ protocol, address, port string }{
		{"tcp", MetadataAddress, "80"},
		{"udp", ResolverAddress, "53"},
		{"tcp", ResolverAddress, "53"},
		{"tcp", FrontAddress, "443"},
	} {
		w.linef("    iifname . ip saddr @plugged ip daddr %s %s dport %s accept", service.address, service.protocol, service.port)
	}
	w.linef("  }")
}

func (w *writer) isolation() {
	w.linef("  chain isolation {")
	w.linef("    type filter hook forward priority filter - 10; policy drop;")
	w.linef("    ct state established,related accept")
	w.linef("    iifname %q ct status dnat accept", link)
	w.linef("    iifname . ip saddr @plugged iifname . oifname @one_vpc ct status & dnat == 0 accept")
	w.linef("    iifname . ip saddr @plugged ct status dnat ip saddr @public_senders accept")
	w.linef("  }")
}

func pairs(m map[string]string) []string {
	var all []string
	for from, to := range m {
		all = append(all, from+" : "+to)
	}
	slices.Sort(all)
	return all
}

// name makes an id a word that nft takes.
func name(id string) string { return strings.ReplaceAll(id, "-", "_") }

func member(group string) string { return "members_" + name(group) }
