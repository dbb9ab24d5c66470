package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"infra/internal/sandbox/emulator"
)

// Plan says which parts of a snapshot exist as networks.
type Plan struct {
	// Subnets hold at least one host and must exist, sorted by id.
	Subnets []emulator.Subnet
	// Hosts are the instances that get a container, sorted by id.
	Hosts []emulator.Instance
	// Refused maps the id of an instance that cannot have a host to why.
	Refused map[string]string
}

// NewPlan decides which networks a snapshot needs. Ranges of VPCs may not
// overlap within one sandbox; a VPC whose id is in realised was there first
// and keeps its range, then the one with the oldest host.
func NewPlan(snapshot emulator.Snapshot, realised map[string]bool) Plan {
	plan := Plan{Refused: map[string]string{}}
	used := map[string][]emulator.Instance{}
	for _, instance := range snapshot.Instances {
		if instance.EMRCluster == "" && instance.State != emulator.Terminated && instance.Subnet != "" {
			used[instance.VPC] = append(used[instance.VPC], instance)
		}
	}
	refused := refuse(snapshot.VPCs, used, realised)
	needed := map[string]bool{}
	for vpc, instances := range used {
		for _, instance := range instances {
			if why, found := refused[vpc]; found {
				plan.Refused[instance.ID] = why
				continue
			}
			needed[instance.Subnet] = true
			plan.Hosts = append(plan.Hosts, instance)
		}
	}
	for _, subnet := range snapshot.Subnets {
		if needed[subnet.ID] {
			plan.Subnets = append(plan.Subnets, subnet)
		}
	}
	slices.SortFunc(plan.Hosts, func(a, b emulator.Instance) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(plan.Subnets, func(a, b emulator.Subnet) int { return strings.Compare(a.ID, b.ID) })
	return plan
}

// refuse gives, for each VPC that cannot exist here, the reason.
func refuse(vpcs []emulator.VPC, used map[string][]emulator.Instance, realised map[string]bool) map[string]string {
	known := map[string]emulator.VPC{}
	for _, vpc := range vpcs {
		known[vpc.ID] = vpc
	}
	order := make([]string, 0, len(used))
	for id := range used {
		order = append(order, id)
	}
	slices.SortFunc(order, func(a, b string) int {
		if realised[a] != realised[b] {
			if realised[a] {
				return -1
			}
			return 1
		}
		if byAge := oldest(used[a]).Launched.Compare(oldest(used[b]).Launched); byAge != 0 {
			return byAge
		}
		return strings.Compare(a, b)
	})
	refused := map[string]string{}
	taken := []taken{
		{netip.MustParsePrefix("198.18.0.0/15"), "the sandbox's own links and public addresses"},
		{netip.MustParsePrefix("169.254.0.0/16"), "the link-local services"},
		{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	}
	for _, id := range order {
		vpc, found := known[id]
		if !found {
			refused[id] = fmt.Sprintf("its VPC %s does not exist", id)
			continue
		}
		rangeOf, err := netip.ParsePrefix(vpc.CIDR)
		if err != nil {
			refused[id] = fmt.Sprintf("the range of VPC %s is unusable: %v", id, err)
			continue
		}
		if other := overlapping(taken, rangeOf); other != "" {
			refused[id] = fmt.Sprintf("the range %s of VPC %s overlaps with %s: one sandbox cannot hold both; "+
				"give the environment another vpc.cidr or a sandbox of its own", vpc.CIDR, id, other)
			continue
		}
		taken = append(taken, takenBy(rangeOf, vpc))
	}
	return refused
}

// taken is a range and whose it is.
type taken struct {
	prefix netip.Prefix
	owner  string
}

func takenBy(prefix netip.Prefix, vpc emulator.VPC) taken {
	return taken{prefix, fmt.Sprintf("%s of VPC %s (account %s)", vpc.CIDR, vpc.ID, vpc.Account)}
}

func overlapping(all []taken, prefix netip.Prefix) string {
	for _, other := range all {
		if other.prefix.Overlaps(prefix) {
			return other.owner
		}
	}
	return ""
}

func oldest(instances []emulator.Instance) emulator.Instance {
	return slices.MinFunc(instances, func(a, b emulator.Instance) int { return a.Launched.Compare(b.Launched) })
}
