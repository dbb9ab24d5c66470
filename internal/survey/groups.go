package survey

import (
	"cmp"
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/audit"
)

// groups are the security groups of the network, with their rules and members.
func (s *surveyor) groups(ctx context.Context, client *ec2.Client) error {
	index := map[string]int{}
	pages := ec2.NewDescribeSecurityGroupsPaginator(client, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("vpc-id", s.VPC)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.SecurityGroups {
			id, name := aws.ToString(g.GroupId), aws.ToString(g.GroupName)
			thing := audit.Thing{Type: "aws_security_group", ID: id, Name: name}
			if name == "default" {
				thing.Type = "aws_default_security_group"
			}
			index[id] = len(s.facts.Groups)
			s.facts.Groups = append(s.facts.Groups, audit.Group{Thing: thing, Default: name == "default"})
		}
	}
	if err := s.rules(ctx, client, index); err != nil {
		return err
	}
	return s.members(ctx, client, index)
}

// rules asks for each group's rules. Many groups at once would be one question,
// but a filter takes no more than 200 values and answers in pages anyway.
func (s *surveyor) rules(ctx context.Context, client *ec2.Client, index map[string]int) error {
	lists := prefixLists{}
	for id, at := range index {
		group := &s.facts.Groups[at]
		pages := ec2.NewDescribeSecurityGroupRulesPaginator(client, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", id)}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, r := range page.SecurityGroupRules {
				if aws.ToBool(r.IsEgress) {
					group.Egress++
					continue
				}
				in := audit.Ingress{
					Thing:    audit.Thing{Type: "aws_vpc_security_group_ingress_rule", ID: aws.ToString(r.SecurityGroupRuleId)},
					Protocol: aws.ToString(r.IpProtocol), From: port(r.FromPort), To: port(r.ToPort),
					Ranges: append(ranges(r.CidrIpv4), ranges(r.CidrIpv6)...),
				}
				if in.List = aws.ToString(r.PrefixListId); in.List != "" {
					if in.Ranges, err = lists.entries(ctx, client, in.List); err != nil {
						return err
					}
				}
				if from := r.ReferencedGroupInfo; from != nil {
					in.Group = aws.ToString(from.GroupId)
					if known, ok := index[in.Group]; ok {
						in.Name = s.facts.Groups[known].Name
					}
				}
				group.Ingress = append(group.Ingress, in)
			}
		}
	}
	return nil
}

func port(p *int32) int {
	if p == nil {
		return -1
	}
	return int(*p)
}

// prefixLists are the entries of lists that were asked for.
type prefixLists map[string][]netip.Prefix

func (known prefixLists) entries(ctx context.Context, client *ec2.Client, id string) ([]netip.Prefix, error) {
	if found, ok := known[id]; ok {
		return found, nil
	}
	found := []netip.Prefix{}
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(client, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			found = append(found, ranges(e.Cidr)...)
		}
	}
	known[id] = found
	return found, nil
}

// members are the interfaces of each group: of hosts, and of what AWS runs in
// the network for others, such as load balancers and databases.
func (s *surveyor) members(ctx context.Context, client *ec2.Client, index map[string]int) error {
	hosts := map[string]string{}
	for _, h := range s.facts.Hosts {
		hosts[h.ID] = cmp.Or(h.Name, h.ID)
	}
	pages := ec2.NewDescribeNetworkInterfacesPaginator(client, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{filter("vpc-id", s.VPC)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, n := range page.NetworkInterfaces {
			m := audit.Member{Name: cmp.Or(aws.ToString(n.Description), aws.ToString(n.NetworkInterfaceId))}
			if n.Attachment != nil {
				m.Name = cmp.Or(hosts[aws.ToString(n.Attachment.InstanceId)], m.Name)
			}
			if n.Association != nil {
				m.Public = aws.ToString(n.Association.PublicIp)
			}
			if m.Public == "" && len(n.Ipv6Addresses) > 0 { // every IPv6 address is public
				m.Public = aws.ToString(n.Ipv6Addresses[0].Ipv6Address)
			}
			for _, g := range n.Groups {
				if at, ok := index[aws.ToString(g.GroupId)]; ok {
					s.facts.Groups[at].Members = append(s.facts.Groups[at].Members, m)
				}
			}
		}
	}
	return nil
}
