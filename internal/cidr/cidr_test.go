package cidr

import (
	"net/netip"
	"testing"
)

func taken(ranges ...string) []Taken {
	var all []Taken
	for _, r := range ranges {
		all = append(all, Taken{netip.MustParsePrefix(r), r})
	}
	return all
}

func TestOverlapping(t *testing.T) {
	all := taken("10.20.0.0/16", "10.40.0.0/20", "172.31.0.0/16")
	for want, by := range map[string]string{
		"10.40.8.0/21": "10.40.0.0/20", "10.40.16.0/20": "", "10.0.0.0/8": "10.20.0.0/16 10.40.0.0/20", "172.31.255.0/24": "172.31.0.0/16", "192.168.0.0/16": "",
	} {
		text := ""
		for _, o := range Overlapping(netip.MustParsePrefix(want), all) {
			if text != "" {
				text += " "
			}
			text += o.By
		}
		if text != by {
			t.Errorf("%s overlaps %q, want %q", want, text, by)
		}
	}
}

func TestFree(t *testing.T) {
	for _, c := range []struct {
		name, wanted, free string
		taken              []Taken
	}{
		{"it is free itself", "10.60.0.0/16", "10.60.0.0/16", taken("10.61.0.0/16")},
		{"the next one", "10.40.0.0/20", "10.40.16.0/20", taken("10.40.0.0/20")},
		{"behind a larger one", "10.40.16.0/20", "10.41.0.0/20", taken("10.40.0.0/16")},
		{"behind a smaller one", "10.40.0.0/16", "10.41.0.0/16", taken("10.40.32.0/20", "10.40.0.0/24")},
		{"behind several", "10.20.0.0/16", "10.23.0.0/16", taken("10.22.0.0/16", "10.20.0.0/16", "10.21.4.0/22")},
		{"the end of its range: on at the start", "10.255.0.0/16", "10.1.0.0/16", taken("10.255.0.0/16", "10.0.0.0/16")},
		{"its range is full: the next range", "192.168.0.0/16", "10.0.0.0/16", taken("192.168.0.0/16")},
		{"larger than its range leaves room for", "192.168.0.0/17", "192.168.128.0/17", taken("192.168.0.0/20")},
		{"host bits are no matter", "10.40.3.7/20", "10.40.0.0/20", nil},
		{"a public one: a private one instead", "8.8.0.0/16", "10.0.0.0/16", nil},
		{"the end of all addresses", "10.0.0.0/16", "100.64.0.0/16", taken("10.0.0.0/8", "172.16.0.0/12", "192.0.0.0/3")},
		{"nothing is left", "10.0.0.0/16", "", taken("0.0.0.0/0")},
		{"no such size", "10.0.0.0/7", "", nil},
		{"not for IPv6", "fd00::/16", "", nil},
	} {
		got, ok := Free(netip.MustParsePrefix(c.wanted), c.taken)
		if text := got.String(); ok != (c.free != "") || ok && text != c.free {
			t.Errorf("%s: %s, %v; want %q", c.name, text, ok, c.free)
		}
	}
}

func TestIsPrivate(t *testing.T) {
	for text, want := range map[string]bool{
		"10.1.0.0/16": true, "172.16.0.0/12": true, "172.0.0.0/8": false, "100.64.0.0/10": true, "100.0.0.0/8": false, "8.8.8.0/24": false, "192.168.4.0/22": true,
	} {
		if IsPrivate(netip.MustParsePrefix(text)) != want {
			t.Errorf("%s is private: %v", text, !want)
		}
	}
}
