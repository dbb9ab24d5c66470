package audit

func networkRules() []Rule {
	return []Rule{
		{
			ID: "default-group", Severity: Medium, Title: "The network's default group lets something pass", needs: []Part{Network},
			Public: []string{"EC2.2", "CIS 3.0.0 5.4", "CKV2_AWS_12"}, Mend: "take its rules away; nothing should be in it",
			check: each(groupsOf, func(g Group) string {
				return when(g.Default && len(g.Ingress)+g.Egress > 0, "whoever names no group is in this one")
			}),
		},
		{
			ID: "subnet-public-address", Severity: Medium, Title: "What starts in a subnet gets a public address", needs: []Part{Network},
			Public: []string{"EC2.15", "CKV_AWS_130"}, Mend: "set map_public_ip_on_launch = false",
			check: each(subnetsOf, func(s Subnet) string { return when(s.Public, "public addresses are given by itself") }),
		},
		{
			ID: "host-public-address", Severity: Medium, Title: "A host has a public address", needs: []Part{Network},
			Public: []string{"EC2.9", "CKV_AWS_88"}, Mend: "put it into a private subnet and reach it through the bastion",
			check: publicHosts(true),
		},
		{
			ID: "host-public-by-hand", Severity: High, Title: "A host has a public address that is not in the code", needs: []Part{Network},
			Public: []string{"EC2.9", "CKV_AWS_88"}, Mend: "find out who needs it, then release it",
			check: publicHosts(false),
		},
		{
			ID: "host-metadata", Severity: High, Title: "A host gives its credentials without a token", needs: []Part{Network},
			Public: []string{"EC2.8", "CIS 3.0.0 5.6", "CKV_AWS_79"}, Mend: "set metadata_options { http_tokens = \"required\" }",
			check: each(hostsOf, func(h Host) string { return when(h.OldTokens, "version 1 of the metadata service answers") }),
		},
		{
			ID: "balancer-public", Severity: Low, Title: "A load balancer faces the internet", needs: []Part{Network},
			Mend:  "make it internal, or say in audit.ignore why it is public",
			check: each(balancersOf, func(b Balancer) string { return when(b.Public, "its scheme is internet-facing") }),
		},
		{
			ID: "balancer-logs", Severity: Low, Title: "A load balancer keeps no access logs", needs: []Part{Network},
			Public: []string{"ELB.5", "CKV_AWS_91"}, Mend: "switch access_logs on",
			check: each(balancersOf, func(b Balancer) string { return when(!b.Logs, "nobody knows who used it") }),
		},
		{
			ID: "flow-logs", Severity: Medium, Title: "The network keeps no flow logs", needs: []Part{Network},
			Public: []string{"EC2.6", "CIS 3.0.0 3.7", "CKV2_AWS_11"}, Mend: "infra plan shows what is missing; infra apply makes it again",
			check: func(f *Facts) []hit {
				if f.VPC.ID == "" || f.VPC.Flows {
					return nil
				}
				return []hit{{thing: f.VPC.Thing, detail: "nobody knows who talked to whom"}}
			},
		},
	}
}

// publicHosts makes a check of hosts with a public address that the code gives
// them, or with one that it does not. The first is about the address: its block
// is where to say why.
func publicHosts(inCode bool) func(*Facts) []hit {
	return func(f *Facts) []hit {
		var hits []hit
		for _, h := range f.Hosts {
			coded := h.Addressed != nil && f.Managed[h.Addressed.Key()].Address != ""
			switch {
			case h.Public == "" || coded != inCode:
			case coded:
				hits = append(hits, hit{thing: *h.Addressed, detail: h.Public + " leads to " + h.label()})
			default:
				hits = append(hits, hit{thing: h.Thing, detail: h.Public + " was given to it by hand or by its subnet"})
			}
		}
		return hits
	}
}
