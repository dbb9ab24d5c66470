package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"infra/internal/sandbox/emulator"
)

// relevantGroups are the security groups that hosts are in or that their
// groups name, sorted by id.
func relevantGroups(snapshot emulator.Snapshot, plan Plan) []emulator.SecurityGroup {
	vpcs := map[string]bool{}
	for _, host := range plan.Hosts {
		vpcs[host.VPC] = true
	}
	var groups []emulator.SecurityGroup
	for _, group := range snapshot.SecurityGroups {
		if vpcs[group.VPC] {
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, func(a, b emulator.SecurityGroup) int { return strings.Compare(a.ID, b.ID) })
	return groups
}

func membersOf(plan Plan) map[string][]string {
	members := map[string][]string{}
	for _, host := range plan.Hosts {
		for _, group := range host.SecurityGroups {
			members[group] = append(members[group], privateAddresses(host)...)
		}
	}
	return members
}

func (w *writer) groupChains() {
	for _, group := range w.groups {
		w.chain("egress_"+name(group.ID), group.Egress, func(peer string) []string { return one("ip daddr", peer) })
		w.chain("ingress_"+name(group.ID), group.Ingress, func(peer string) []string { return one("ip saddr", peer) })
		w.chain("public_"+name(group.ID), group.Ingress, w.fromPublic)
	}
}

// chain writes the rules of one direction of one group.
func (w *writer) chain(name string, rules []emulator.SecurityRule, match func(peer string) []string) {
	var lines []string
	for _, rule := range rules {
		service := serviceMatch(rule)
		for _, cidr := range rule.CIDRs {
			prefix, err := netip.ParsePrefix(cidr)
			if err != nil || !prefix.Addr().Is4() {
				continue
			}
			for _, peer := range match(prefix.Masked().String()) {
				lines = append(lines, strings.TrimSpace(strings.Join([]string{peer, service}, " "))+" accept")
			}
		}
		for _, id := range rule.Groups {
			if !slices.ContainsFunc(w.groups, func(g emulator.SecurityGroup) bool { return g.ID == id }) {
				continue
			}
			for _, peer := range match("@" + member(id)) {
				lines = append(lines, strings.TrimSpace(peer+" "+service)+" accept")
			}
		}
	}
	w.linef("  chain %s {", name)
	for _, line := range lines {
		w.linef("    %s", strings.Join(strings.Fields(line), " "))
	}
	w.linef("  }")
}

// fromPublic matches hosts that come by way of a public address: they are
// seen as their own public address, so ranges count against that one and
// references to security groups do not hold.
func (w *writer) fromPublic(peer string) []string {
	prefix, err := netip.ParsePrefix(peer)
	if err != nil {
		return nil
	}
	if prefix.Bits() == 0 {
		return []string{""}
	}
	var senders []string
	for private, public := range w.seenAs {
		if address, err := netip.ParseAddr(public); err == nil && prefix.Contains(address) {
			senders = append(senders, private)
		}
	}
	if len(senders) == 0 {
		return nil
	}
	slices.Sort(senders)
	return []string{"ip saddr { " + strings.Join(senders, ", ") + " }"}
}

func (w *writer) hostChains() {
	var leaving, arriving, public []string
	for _, host := range w.plan.Hosts {
		for _, direction := range []string{"egress", "ingress", "public"} {
			w.linef("  chain %s_%s {", direction, name(host.ID))
			for _, group := range slices.Sorted(slices.Values(host.SecurityGroups)) {
				if slices.ContainsFunc(w.groups, func(g emulator.SecurityGroup) bool { return g.ID == group }) {
					w.linef("    jump %s_%s", direction, name(group))
				}
			}
			w.linef("  }")
		}
		for _, address := range privateAddresses(host) {
			leaving = append(leaving, fmt.Sprintf("%s : goto egress_%s", address, name(host.ID)))
			arriving = append(arriving, fmt.Sprintf("%s : goto ingress_%s", address, name(host.ID)))
			public = append(public, fmt.Sprintf("%s : goto public_%s", address, name(host.ID)))
		}
	}
	w.set("map leaving_from", "type ipv4_addr : verdict;", leaving)
	w.set("map arriving_at", "type ipv4_addr : verdict;", arriving)
	w.set("map arriving_publicly_at", "type ipv4_addr : verdict;", public)
	w.linef("  chain leaving {")
	w.linef("    type filter hook forward priority filter; policy drop;")
	w.linef("    ct state established,related accept")
	w.linef("    iifname %q accept", link)
	w.linef("    ip saddr vmap @leaving_from")
	w.linef("  }")
	w.linef("  chain arriving {")
	w.linef("    type filter hook forward priority filter + 10; policy drop;")
	w.linef("    ct state established,related accept")
	w.linef("    iifname != %q ct status dnat ip daddr vmap @arriving_publicly_at", link)
	w.linef("    ct status & dnat == 0 ip daddr vmap @arriving_at")
	w.linef("    iifname %q ip daddr vmap @arriving_at", link)
	w.linef("  }")
}

// serviceMatch is the protocol and port part of a rule.
func serviceMatch(rule emulator.SecurityRule) string {
	all := rule.From < 0 || (rule.From == 0 && rule.To >= 65535)
	switch rule.Protocol {
	case "", "-1", "all":
		return ""
	case "tcp", "6", "udp", "17":
		protocol := map[string]string{"6": "tcp", "17": "udp"}[rule.Protocol]
		if protocol == "" {
			protocol = rule.Protocol
		}
		if all {
			return "ip protocol " + protocol
		}
		if rule.To <= rule.From {
			return fmt.Sprintf("%s dport %d", protocol, rule.From)
		}
		return fmt.Sprintf("%s dport %d-%d", protocol, rule.From, rule.To)
	case "icmp", "1":
		switch {
		case rule.From < 0:
			return "ip protocol icmp"
		case rule.To < 0:
			return fmt.Sprintf("icmp type %d", rule.From)
		default:
			return fmt.Sprintf("icmp type %d icmp code %d", rule.From, rule.To)
		}
	default:
		return "ip protocol " + rule.Protocol
	}
}

func one(field, peer string) []string {
	if peer == "0.0.0.0/0" {
		return []string{""}
	}
	return []string{field + " " + peer}
}
