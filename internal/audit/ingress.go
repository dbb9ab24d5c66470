package audit

import (
	"net/netip"
	"slices"
	"strings"
)

// adminPorts are SSH, Remote Desktop and Windows' remote management.
func adminPorts() []int { return []int{22, 3389, 5985, 5986} }

// dataPorts are those of databases, of ZooKeeper and of Hadoop: the high-risk
// ports of Security Hub's EC2.19 that are not for administration, and ours.
func dataPorts() []int {
	return []int{1433, 1434, 2181, 2888, 3306, 3888, 4333, 5432, 5500, 5601, 6379, 7077, 8020, 8032, 8088, 9083, 9200, 9300, 10000, 27017}
}

func ingressRules() []Rule {
	return []Rule{
		{
			ID: "ingress-all-internet", Severity: High, Title: "The internet may reach every port", needs: []Part{Network},
			Public: []string{"EC2.18", "EC2.19", "CIS 3.0.0 5.2", "CIS 3.0.0 5.3", "CKV_AWS_277"},
			Mend:   "name the networks and the ports that need it",
			check:  fromInternet(func(in Ingress) bool { return in.all() }),
		},
		{
			ID: "ingress-admin-internet", Severity: High, Title: "The internet may reach a port of administration", needs: []Part{Network},
			Public: []string{"EC2.13", "EC2.14", "CIS 3.0.0 5.2", "CIS 3.0.0 5.3", "CKV_AWS_24", "CKV_AWS_25"},
			Mend:   "let in the bastion's group only, or use access: ssm",
			check:  fromInternet(func(in Ingress) bool { return !in.all() && in.opens(adminPorts()) }),
		},
		{
			ID: "ingress-data-internet", Severity: High, Title: "The internet may reach a port of a database", needs: []Part{Network},
			Public: []string{"EC2.19"}, Mend: "let in the clients' groups or networks only",
			check: fromInternet(func(in Ingress) bool { return !in.all() && !in.opens(adminPorts()) && in.opens(dataPorts()) }),
		},
		{
			ID: "ingress-internet", Severity: Medium, Title: "The internet may reach a port", needs: []Part{Network},
			Public: []string{"EC2.18", "CKV_AWS_260"}, Mend: "name the networks that need it",
			check: fromInternet(func(in Ingress) bool { return !in.all() && !in.opens(adminPorts()) && !in.opens(dataPorts()) }),
		},
		{
			ID: "ingress-wide", Severity: Medium, Title: "A wide network outside may reach a port of administration or of a database", needs: []Part{Network},
			Mend:  "name the networks that clients really come from, none of more than a /16",
			check: wideIngress,
		},
		{
			ID: "ingress-everything", Severity: Medium, Title: "A network may reach every port", needs: []Part{Network},
			Mend:  "name the ports that need it",
			check: ingressEverything,
		},
	}
}

// fromInternet makes a check of the rules whose source is the internet. Where a
// public address stands behind one, it is worse.
func fromInternet(bad func(Ingress) bool) func(*Facts) []hit {
	return func(f *Facts) []hit {
		return f.ingress(func(g Group, in Ingress) (string, bool) {
			if f.classOf(in) != Internet || !bad(in) {
				return "", false
			}
			if at := g.reached(); len(at) > 0 {
				return " reaches " + strings.Join(at, ", "), true
			}
			return " may reach members of " + g.label() + "; none has a public address", true
		})
	}
}

// wideIngress is about networks that are not the internet and still hold more
// hosts than anybody's clients are.
func wideIngress(f *Facts) []hit {
	const widest4, widest6 = 16, 48
	return f.ingress(func(g Group, in Ingress) (string, bool) {
		class := f.classOf(in)
		wide := slices.ContainsFunc(in.Ranges, func(r netip.Prefix) bool {
			return r.Addr().Is4() && r.Bits() < widest4 || !r.Addr().Is4() && r.Bits() < widest6
		})
		if class != Outside && class != Private || !wide || !in.opens(append(adminPorts(), dataPorts()...)) {
			return "", false
		}
		return " may reach members of " + g.label(), true
	})
}

// ingressEverything is about networks, not about groups: the nodes of a cluster
// may well talk to each other as they like.
func ingressEverything(f *Facts) []hit {
	return f.ingress(func(g Group, in Ingress) (string, bool) {
		if in.Group != "" || f.classOf(in) == Internet || !in.all() {
			return "", false
		}
		return " may reach members of " + g.label(), true
	})
}

// ingress goes through the rules of all groups.
func (f *Facts) ingress(wrong func(Group, Ingress) (string, bool)) []hit {
	var hits []hit
	for _, g := range f.Groups {
		for _, in := range g.Ingress {
			detail, bad := wrong(g, in)
			if !bad {
				continue
			}
			h := hit{thing: in.Thing, holder: &g.Thing, detail: in.source() + detail + " (" + in.ports() + ")", about: g.ID + " " + in.source() + " " + in.ports()}
			if f.classOf(in) == Internet && len(g.reached()) > 0 {
				h.severity = High
				if in.all() || in.opens(adminPorts()) || in.opens(dataPorts()) {
					h.severity = Critical
				}
			}
			hits = append(hits, h)
		}
	}
	return hits
}
