// Package network is the wiring of one sandbox: a network namespace of its
// own, one link between it and the machine, a bridge for every subnet, and a
// packet filter that is written whole from a snapshot of the AWS API.
//
// Hosts of one subnet are kept apart on their bridge and answered for by the
// namespace (private VLAN proxy ARP), so every packet between two hosts passes
// the filter and security groups hold between neighbours too. VPCs never reach
// each other, nothing reaches the machine or the world, and the machine reaches
// hosts by their public addresses alone.
package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// The addresses of the link-local services inside the namespace.
const (
	MetadataAddress = "169.254.169.254"
	ResolverAddress = "169.254.169.253"
	FrontAddress    = "169.254.169.250"
)

// link is the name of the namespace's end of the link to the machine.
const link = "machine"

// Layout holds the names and addresses of one sandbox. Number (0 to 255)
// tells apart the sandboxes of one machine.
type Layout struct {
	ID     string `json:"id"`
	Number int    `json:"number"`
}

// ID is the id of the sandbox that lives in a folder: 8 hex digits of the hash
// of its absolute path.
func ID(folder string) string {
	sum := sha256.Sum256([]byte(folder))
	return hex.EncodeToString(sum[:4])
}

// Namespace is the name of the network namespace.
func (l Layout) Namespace() string { return "infra-" + l.ID }

// NamespacePath is the file that holds the namespace.
func (l Layout) NamespacePath() string { return "/run/netns/" + l.Namespace() }

// Link is the name of the machine's end of the link.
func (l Layout) Link() string { return "infra-" + l.ID }

// MachineAddress is the machine's address on the link: where hosts see the
// operator's packets come from.
func (l Layout) MachineAddress() netip.Addr { return l.address(18, 1) }

// NamespaceAddress is the namespace's address on the link.
func (l Layout) NamespaceAddress() netip.Addr { return l.address(18, 2) }

// PublicRange is where elastic and public addresses of the sandbox come from.
func (l Layout) PublicRange() netip.Prefix { return netip.PrefixFrom(l.address(19, 0), 24) }

func (l Layout) address(second, last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{198, second, byte(l.Number), last})
}

// Bridge is the name of a subnet's bridge, short enough for the kernel.
func Bridge(subnet string) string {
	sum := sha256.Sum256([]byte(subnet))
	return "sn-" + hex.EncodeToString(sum[:5])
}

// Gateway is the address of a subnet's router: the first of its range.
func Gateway(cidr string) (netip.Addr, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("subnet range %q: %w", cidr, err)
	}
	return prefix.Masked().Addr().Next(), nil
}
