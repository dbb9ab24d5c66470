package network

import (
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/sandbox/emulator"
)

func instance(id, vpc, subnet, address string, age int, groups ...string) emulator.Instance {
	return emulator.Instance{
		ID: id, VPC: vpc, Subnet: subnet, PrimaryAddress: address, State: emulator.Running, SecurityGroups: groups,
		Launched: time.Date(2026, 1, 1, 0, 0, age, 0, time.UTC),
	}
}

func hostIDs(plan Plan) []string {
	var ids []string
	for _, host := range plan.Hosts {
		ids = append(ids, host.ID)
	}
	return ids
}

func TestNewPlan(t *testing.T) {
	vpcs := []emulator.VPC{
		{ID: "vpc-a", CIDR: "10.20.0.0/16"},
		{ID: "vpc-b", CIDR: "10.20.128.0/20"},
		{ID: "vpc-c", CIDR: "10.30.0.0/16"},
		{ID: "vpc-own", CIDR: "198.18.0.0/16"},
		{ID: "vpc-default", CIDR: "172.31.0.0/16"},
		{ID: "vpc-default-2", CIDR: "172.31.0.0/16"},
	}
	subnets := []emulator.Subnet{
		{ID: "subnet-a", VPC: "vpc-a", CIDR: "10.20.1.0/24"},
		{ID: "subnet-b", VPC: "vpc-b", CIDR: "10.20.128.0/24"},
		{ID: "subnet-c", VPC: "vpc-c", CIDR: "10.30.1.0/24"},
		{ID: "subnet-empty", VPC: "vpc-c", CIDR: "10.30.2.0/24"},
	}
	terminated := instance("i-dead", "vpc-c", "subnet-empty", "10.30.2.4", 0)
	terminated.State = emulator.Terminated
	cluster := instance("i-emr", "vpc-c", "subnet-empty", "10.30.2.5", 0)
	cluster.EMRCluster = "j-1"
	cases := map[string]struct {
		instances []emulator.Instance
		realised  []string
		hosts     []string
		refused   map[string]string // instance to a part of the reason
	}{
		"terminated instances, clusters and unused VPCs need nothing": {
			[]emulator.Instance{terminated, cluster, instance("i-c", "vpc-c", "subnet-c", "10.30.1.4", 1)},
			nil,
			[]string{"i-c"},
			nil,
		},
		"the older of two that overlap wins": {
			[]emulator.Instance{
				instance("i-a", "vpc-a", "subnet-a", "10.20.1.4", 9), instance("i-b", "vpc-b", "subnet-b", "10.20.128.4", 1),
				instance("i-c", "vpc-c", "subnet-c", "10.30.1.4", 2),
			},
			nil,
			[]string{"i-b", "i-c"},
			map[string]string{"i-a": "overlaps with 10.20.128.0/20 of VPC vpc-b"},
		},
		"what is there already wins over what is older": {
			[]emulator.Instance{
				instance("i-a", "vpc-a", "subnet-a", "10.20.1.4", 9), instance("i-b", "vpc-b", "subnet-b", "10.20.128.4", 1),
			},
			[]string{"vpc-a"},
			[]string{"i-a"},
			map[string]string{"i-b": "overlaps with 10.20.0.0/16 of VPC vpc-a"},
		},
		"the sandbox's own ranges": {
			[]emulator.Instance{instance("i-own", "vpc-own", "subnet-own", "198.18.0.4", 1)},
			nil, nil,
			map[string]string{"i-own": "the sandbox's own links"},
		},
		"a VPC that is gone": {
			[]emulator.Instance{instance("i-x", "vpc-x", "subnet-x", "10.1.0.4", 1)},
			nil, nil,
			map[string]string{"i-x": "does not exist"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			realised := map[string]bool{}
			for _, id := range c.realised {
				realised[id] = true
			}
			plan := NewPlan(emulator.Snapshot{VPCs: vpcs, Subnets: subnets, Instances: c.instances}, realised)
			if got := hostIDs(plan); !slices.Equal(got, c.hosts) {
				t.Errorf("hosts %v, want %v", got, c.hosts)
			}
			if len(plan.Refused) != len(c.refused) {
				t.Errorf("refused %v, want %v", plan.Refused, c.refused)
			}
			for id, part := range c.refused {
				if !strings.Contains(plan.Refused[id], part) {
					t.Errorf("%s is refused for %q, want %q", id, plan.Refused[id], part)
				}
			}
		})
	}
}
