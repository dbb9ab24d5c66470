// Package cidr is arithmetic on ranges of IPv4 addresses: which of those that
// are taken overlap another one, and which is the next that is free. It is
// pure.
package cidr

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Taken is a range that somebody has.
type Taken struct {
	Range netip.Prefix
	By    string // who, for people
}

// Private are the ranges that may be used without owning them: RFC 1918 and
// RFC 6598.
func Private() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("100.64.0.0/10"),
	}
}

// IsPrivate tells whether a range is inside one of Private.
func IsPrivate(p netip.Prefix) bool { return slices.ContainsFunc(Private(), within(p)) }

func within(p netip.Prefix) func(netip.Prefix) bool {
	return func(outer netip.Prefix) bool { return outer.Bits() <= p.Bits() && outer.Overlaps(p) }
}

// Overlapping are the taken ranges that have addresses of p.
func Overlapping(p netip.Prefix, taken []Taken) []Taken {
	var found []Taken
	for _, t := range taken {
		if t.Range.Overlaps(p) {
			found = append(found, t)
		}
	}
	return found
}

// Free is the next range of p's size, p itself or behind it, that overlaps none
// of the taken ones. It stays in the private range that p is in, goes on at its
// start when its end is reached, and then in the others; false when there is
// none.
func Free(p netip.Prefix, taken []Taken) (netip.Prefix, bool) {
	if !p.IsValid() || !p.Addr().Is4() {
		return netip.Prefix{}, false
	}
	p = p.Masked()
	ranges := Private()
	slices.SortStableFunc(ranges, func(a, b netip.Prefix) int {
		switch home := within(p); {
		case home(a) == home(b):
			return 0
		case home(a):
			return -1
		default:
			return 1
		}
	})
	if within(p)(ranges[0]) {
		if found, ok := from(p, ranges[0], taken); ok {
			return found, true
		}
	}
	for _, r := range ranges {
		if r.Bits() > p.Bits() {
			continue
		}
		if found, ok := from(netip.PrefixFrom(r.Addr(), p.Bits()), r, taken); ok {
			return found, true
		}
	}
	return netip.Prefix{}, false
}

// from looks for a free range of p's size from p to the end of outer. Each step
// goes behind what is in the way, so there are no more of them than ranges are
// taken.
func from(p, outer netip.Prefix, taken []Taken) (netip.Prefix, bool) {
	for within(p)(outer) {
		blocking := Overlapping(p, taken)
		if len(blocking) == 0 {
			return p, true
		}
		end := last(p)
		for _, t := range blocking {
			end = max(end, last(t.Range))
		}
		if end == 1<<32-1 {
			break
		}
		var next [4]byte
		binary.BigEndian.PutUint32(next[:], end+1)
		// What is in the way ends where a range of this size or of a larger one
		// ends, so the address behind it begins one.
		p = netip.PrefixFrom(netip.AddrFrom4(next), p.Bits())
	}
	return netip.Prefix{}, false
}

// last is the last address of a range.
func last(p netip.Prefix) uint32 {
	first := p.Masked().Addr().As4()
	return binary.BigEndian.Uint32(first[:]) | (1<<(32-p.Bits()) - 1)
}
