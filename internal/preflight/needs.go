package preflight

import (
	"strings"

	"infra/internal/environment"
)

// machines is how many instances of a type an environment has.
type machines struct {
	Type     string
	Start    int  // after the installation
	Most     int  // as far as scaling may go
	AllZones bool // they stand in each of the environment's zones
}

// needs is what an environment takes of what accounts have little of.
type needs struct {
	Addresses int // elastic ones
	Gateways  int // NAT
	VolumesGB int // without the hosts' and the clusters' root disks
	Machines  []machines
}

// needsOf counts what the environment's settings come to.
func needsOf(p environment.Pipeline) needs {
	var n needs
	n.Gateways = map[string]int{"single": 1, "per_zone": len(p.VPC.Zones)}[p.VPC.NAT]
	n.Addresses = n.Gateways
	if p.VPC.Access == "bastion" {
		n.Addresses++
		n.Machines = append(n.Machines, machines{Type: p.VPC.BastionInstanceType, Start: 1, Most: 1})
	}
	zk := p.Zookeeper
	n.Machines = append(n.Machines, machines{zk.InstanceType, zk.Size, zk.Size, zk.Size >= len(p.VPC.Zones)})
	n.VolumesGB = zk.Size * (zk.DataVolumeGB + zk.LogVolumeGB)
	if pg := p.PostgreSQL; pg.Engine == "postgresql" {
		nodes := 1 + pg.Standbys
		n.Machines = append(n.Machines, machines{pg.InstanceType, nodes, nodes, nodes >= len(p.VPC.Zones)}, machines{pg.WitnessInstanceType, 1, 1, false})
		n.VolumesGB += nodes * pg.DataVolumeGB
		if pg.Address == "elastic" {
			n.Addresses++
		}
	}
	e := p.EMR
	n.Machines = append(n.Machines, machines{e.PrimaryInstanceType, 1, 1, false}, machines{e.CoreInstanceType, e.CoreCount, e.MaxCapacity, false})
	return n
}

// family is a group of instance types that share a quota of vCPUs.
type family struct {
	name, quota string // standard: A, C, D, H, I, M, R, T, Z
}

// familyOf finds the quota of an instance type by its first letters; false when
// it is none of the common ones. The codes are those of the service ec2 in AWS's
// list of service quotas.
func familyOf(instanceType string) (family, bool) {
	class, _, _ := strings.Cut(instanceType, ".")
	letters := class[:max(strings.IndexAny(class, "0123456789"), 0)]
	switch letters {
	case "a", "c", "d", "h", "i", "m", "r", "t", "z", "im", "is":
		return family{"standard", "L-1216C47A"}, true
	case "f":
		return family{"F", "L-74FC7D96"}, true
	case "g", "gr", "vt":
		return family{"G and VT", "L-DB2E81BA"}, true
	case "p":
		return family{"P", "L-417A185B"}, true
	case "x":
		return family{"X", "L-7295265B"}, true
	default:
		return family{}, false
	}
}
