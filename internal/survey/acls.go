package survey

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/audit"
)

// acls are the network ACLs of the network, with what each says of what comes
// in.
func (s *surveyor) acls(ctx context.Context, client *ec2.Client) error {
	pages := ec2.NewDescribeNetworkAclsPaginator(client, &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{filter("vpc-id", s.VPC)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, a := range page.NetworkAcls {
			one := audit.ACL{
				Thing:   audit.Thing{Type: "aws_network_acl", ID: aws.ToString(a.NetworkAclId), Name: tagsOf(a.Tags, ec2Tag)["Name"]},
				Default: aws.ToBool(a.IsDefault),
			}
			if one.Default {
				one.Type = "aws_default_network_acl"
			}
			slices.SortFunc(a.Entries, func(x, y types.NetworkAclEntry) int {
				return cmp.Compare(aws.ToInt32(x.RuleNumber), aws.ToInt32(y.RuleNumber))
			})
			for _, e := range a.Entries {
				if !aws.ToBool(e.Egress) {
					one.Entries = append(one.Entries, entries(e)...)
				}
			}
			s.facts.ACLs = append(s.facts.ACLs, one)
		}
	}
	return nil
}

// entries is a line of an ACL as a list of one; empty when it is about no
// network.
func entries(e types.NetworkAclEntry) []audit.Entry {
	var out []audit.Entry
	for _, r := range append(ranges(e.CidrBlock), ranges(e.Ipv6CidrBlock)...) {
		one := audit.Entry{Deny: e.RuleAction == types.RuleActionDeny, Protocol: aws.ToString(e.Protocol), From: -1, To: -1, Range: r}
		if e.PortRange != nil {
			one.From, one.To = port(e.PortRange.From), port(e.PortRange.To)
		}
		out = append(out, one)
	}
	return out
}
