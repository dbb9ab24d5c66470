package services

import (
	"net"
	"net/netip"
	"slices"

	"infra/internal/sandbox/emulator"
)

// instanceAt is the instance that holds a private address. Terminated
// instances hold none: their addresses may already belong to another.
func instanceAt(snapshot emulator.Snapshot, address netip.Addr) (emulator.Instance, bool) {
	text := address.Unmap().String()
	for _, instance := range snapshot.Instances {
		if instance.State != emulator.Terminated && slices.Contains(instance.PrivateAddresses, text) {
			return instance, true
		}
	}
	return emulator.Instance{}, false
}

// vpcAt is the VPC of the instance that holds an address, or else the first
// VPC whose range holds it: ranges may overlap where no instance lives.
func vpcAt(snapshot emulator.Snapshot, address netip.Addr) (emulator.VPC, bool) {
	instance, known := instanceAt(snapshot, address)
	for _, vpc := range snapshot.VPCs {
		if known {
			if vpc.ID == instance.VPC {
				return vpc, true
			}
			continue
		}
		if prefix, err := netip.ParsePrefix(vpc.CIDR); err == nil && prefix.Contains(address.Unmap()) {
			return vpc, true
		}
	}
	return emulator.VPC{}, false
}

// addressOf is the IP address of a peer; the zero address when it has none.
func addressOf(peer net.Addr) netip.Addr {
	if peer == nil {
		return netip.Addr{}
	}
	pair, err := netip.ParseAddrPort(peer.String())
	if err != nil {
		return netip.Addr{}
	}
	return pair.Addr().Unmap()
}
