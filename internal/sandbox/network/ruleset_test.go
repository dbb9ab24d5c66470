package network

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"infra/internal/sandbox/emulator"
)

// world is two VPCs: two subnets with three hosts, and a stranger.
func world() emulator.Snapshot {
	ssh := emulator.SecurityRule{Protocol: "tcp", From: 22, To: 22, CIDRs: []string{"198.18.0.0/15"}}
	all := emulator.SecurityRule{Protocol: "-1", From: -1, To: -1, CIDRs: []string{"0.0.0.0/0"}}
	return emulator.Snapshot{
		VPCs: []emulator.VPC{{ID: "vpc-a", CIDR: "10.20.0.0/16"}, {ID: "vpc-b", CIDR: "10.30.0.0/16"}},
		Subnets: []emulator.Subnet{
			{ID: "subnet-a1", VPC: "vpc-a", CIDR: "10.20.1.0/24"},
			{ID: "subnet-a2", VPC: "vpc-a", CIDR: "10.20.2.0/24"},
			{ID: "subnet-b1", VPC: "vpc-b", CIDR: "10.30.1.0/24"},
		},
		Instances: []emulator.Instance{
			instance("i-1", "vpc-a", "subnet-a1", "10.20.1.10", 1, "sg-db"), instance("i-2", "vpc-a", "subnet-a2", "10.20.2.10", 2, "sg-client"),
			instance("i-3", "vpc-a", "subnet-a2", "10.20.2.11", 3), instance("i-4", "vpc-b", "subnet-b1", "10.30.1.10", 4, "sg-b"),
		},
		PublicAddresses: []emulator.PublicAddress{
			{Address: "198.19.7.1", Instance: "i-1", PrivateAddress: "10.20.1.10", VPC: "vpc-a"},
			{Address: "198.19.7.2", PrivateAddress: "10.20.1.200", VPC: "vpc-a"}, // a NAT gateway
			{Address: "198.19.7.3"},
		},
		SecurityGroups: []emulator.SecurityGroup{
			{ID: "sg-b", VPC: "vpc-b", Ingress: []emulator.SecurityRule{ssh}, Egress: []emulator.SecurityRule{all}},
			{ID: "sg-client", VPC: "vpc-a", Egress: []emulator.SecurityRule{all}},
			{ID: "sg-db", VPC: "vpc-a", Ingress: []emulator.SecurityRule{
				ssh,
				{Protocol: "tcp", From: 5432, To: 5432, Groups: []string{"sg-client", "sg-unknown"}},
				{Protocol: "tcp", From: 6000, To: 6010, CIDRs: []string{"198.19.7.2/32", "10.20.0.0/16", "::/0"}},
			}, Egress: []emulator.SecurityRule{all}},
		},
	}
}

func section(t *testing.T, ruleset, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(ruleset, "  "+heading+" {")
	if !found {
		t.Fatalf("no %q in\n%s", heading, ruleset)
	}
	body, _, _ := strings.Cut(rest, "\n  }")
	return body
}

func TestRuleset(t *testing.T) {
	snapshot, layout := world(), Layout{ID: "0a1b2c3d", Number: 7}
	plan := NewPlan(snapshot, nil)
	ruleset := Ruleset(layout, snapshot, plan)
	if again := Ruleset(layout, snapshot, NewPlan(snapshot, nil)); again != ruleset {
		t.Error("the same snapshot gives another text")
	}
	a1, a2, b1 := Bridge("subnet-a1"), Bridge("subnet-a2"), Bridge("subnet-b1")
	line := func(name string) string {
		for text := range strings.Lines(ruleset) {
			if strings.HasPrefix(text, "  set "+name+" ") || strings.HasPrefix(text, "  map "+name+" ") {
				return text
			}
		}
		t.Fatalf("no set %s", name)
		return ""
	}
	t.Run("VPCs do not reach each other", func(t *testing.T) {
		together := line("one_vpc")
		for _, pair := range [][2]string{{a1, b1}, {b1, a1}, {a2, b1}, {b1, a2}} {
			if strings.Contains(together, `"`+pair[0]+`" . "`+pair[1]+`"`) {
				t.Errorf("the filter lets %s reach %s", pair[0], pair[1])
			}
		}
		for _, pair := range [][2]string{{a1, a2}, {a2, a1}, {a1, a1}, {b1, b1}} {
			if !strings.Contains(together, `"`+pair[0]+`" . "`+pair[1]+`"`) {
				t.Errorf("the filter keeps %s from %s", pair[0], pair[1])
			}
		}
		for _, chain := range []string{"isolation", "leaving", "arriving", "input"} {
			if !strings.Contains(section(t, ruleset, "chain "+chain), "policy drop;") {
				t.Errorf("chain %s does not drop what nothing allows", chain)
			}
		}
	})
	t.Run("addresses", func(t *testing.T) {
		if got := Mapping(snapshot, plan); !maps.Equal(got, map[string]string{"198.19.7.1": "10.20.1.10"}) {
			t.Errorf("mapping: %v", got)
		}
		want := map[string]string{"10.20.1.10": "198.19.7.1", "10.20.2.10": "198.19.7.2", "10.20.2.11": "198.19.7.2"}
		if got := seenAs(snapshot, plan); !maps.Equal(got, want) {
			t.Errorf("seen as: %v, want %v", got, want)
		}
	})
	t.Run("security groups", func(t *testing.T) {
		for heading, want := range map[string]string{
			"chain ingress_sg_db": `
    ip saddr 198.18.0.0/15 tcp dport 22 accept
    ip saddr @members_sg_client tcp dport 5432 accept
    ip saddr 198.19.7.2/32 tcp dport 6000-6010 accept
    ip saddr 10.20.0.0/16 tcp dport 6000-6010 accept`,
			// By way of public addresses only what public addresses may.
			"chain public_sg_db": `
    ip saddr { 10.20.1.10, 10.20.2.10, 10.20.2.11 } tcp dport 22 accept
    ip saddr { 10.20.2.10, 10.20.2.11 } tcp dport 6000-6010 accept`,
			"chain egress_sg_db": `
    accept`,
			"chain ingress_sg_client": "",
			"chain ingress_i_1": `
    jump ingress_sg_db`,
			"chain ingress_i_3": "",
		} {
			if got := section(t, ruleset, heading); got != want {
				t.Errorf("%s:%s\nwant:%s", heading, got, want)
			}
		}
		if got := line("members_sg_client"); !strings.Contains(got, "{ 10.20.2.10 }") {
			t.Errorf("members: %s", got)
		}
	})
	t.Run("nft takes it", func(t *testing.T) {
		checkRuleset(t, ruleset)
		checkRuleset(t, Ruleset(layout, emulator.Snapshot{}, Plan{}))
	})
}

// checkRuleset lets nft parse the text without applying it.
func checkRuleset(t *testing.T, ruleset string) {
	t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("NOT TESTED: checking a ruleset needs nft and root")
	}
	command := exec.CommandContext(t.Context(), nft, "--check", "--file", "-")
	command.Stdin = strings.NewReader(ruleset)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("nft refuses the ruleset: %v\n%s\n%s", err, bytes.TrimSpace(output), ruleset)
	}
}

func TestServiceMatch(t *testing.T) {
	for want, rule := range map[string]emulator.SecurityRule{
		"":                        {Protocol: "-1", From: -1, To: -1},
		"ip protocol tcp":         {Protocol: "tcp", From: 0, To: 65535},
		"ip protocol udp":         {Protocol: "17", From: -1, To: -1},
		"tcp dport 22":            {Protocol: "6", From: 22, To: 22},
		"udp dport 53-54":         {Protocol: "udp", From: 53, To: 54},
		"ip protocol icmp":        {Protocol: "icmp", From: -1, To: -1},
		"icmp type 8":             {Protocol: "icmp", From: 8, To: -1},
		"icmp type 3 icmp code 4": {Protocol: "1", From: 3, To: 4},
		"ip protocol 50":          {Protocol: "50", From: -1, To: -1},
	} {
		if got := serviceMatch(rule); got != want {
			t.Errorf("%+v: %q, want %q", rule, got, want)
		}
	}
}

func TestLayout(t *testing.T) {
	layout := Layout{ID: ID("/srv/project/.infra/sandbox"), Number: 200}
	for what, pair := range map[string][2]string{
		"machine":   {layout.MachineAddress().String(), "198.18.200.1"},
		"namespace": {layout.NamespaceAddress().String(), "198.18.200.2"},
		"public":    {layout.PublicRange().String(), "198.19.200.0/24"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
		}
	}
	for _, name := range []string{layout.Link(), Bridge("subnet-0123456789abcdef0")} {
		if len(name) > 15 {
			t.Errorf("%q is too long for the name of an interface", name)
		}
	}
	if gateway, err := Gateway("10.20.1.0/24"); err != nil || gateway.String() != "10.20.1.1" {
		t.Errorf("gateway: %v %v", gateway, err)
	}
	if _, err := Gateway("10.20.1.0"); err == nil {
		t.Error("a range without its length is no range")
	}
}
