package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/cidr"
)

// own tells whether something of EC2 is the environment's already: an
// interrupted installation finds what it has made.
func (s Sources) own(tags []types.Tag) bool {
	environment, managed := false, false
	for _, tag := range tags {
		environment = environment || aws.ToString(tag.Key) == "environment" && aws.ToString(tag.Value) == s.Env.Name()
		managed = managed || aws.ToString(tag.Key) == "managed_by" && aws.ToString(tag.Value) == "infra"
	}
	return environment && managed
}

// network looks for networks that the environment's would overlap: those of the
// other environments, of the account, and what the account's networks are
// connected with.
func (s Sources) network(ctx context.Context) []Finding {
	const check = "network"
	wanted, err := netip.ParsePrefix(s.Env.Pipeline().VPC.CIDR)
	if err != nil {
		return unknown(check, err)
	}
	peers, err := s.peers(ctx)
	if err != nil {
		return unknown(check, err)
	}
	taken := slices.Concat(s.Taken, peers)
	overlapping := cidr.Overlapping(wanted, taken)
	if len(overlapping) == 0 {
		return []Finding{{Check: check, Result: Good, Detail: fmt.Sprintf("%s overlaps none of %d known networks", wanted, len(taken))}}
	}
	names := make([]string, 0, len(overlapping))
	for _, o := range overlapping {
		names = append(names, fmt.Sprintf("%s of %s", o.Range, o.By))
	}
	mend := "choose another products.pipeline.vpc.cidr"
	if free, ok := cidr.Free(wanted, taken); ok {
		mend += "; the next free one of this size is " + free.String()
	}
	return []Finding{{Check: check, Result: Bad, Detail: fmt.Sprintf("%s overlaps %s", wanted, strings.Join(names, ", ")), Mend: mend}}
}

// peers are the networks of the account and region, and those that they have a
// route to by a peering, a transit gateway or a VPN.
func (s Sources) peers(ctx context.Context) ([]cidr.Taken, error) {
	client := ec2.NewFromConfig(s.AWS)
	var taken []cidr.Taken
	add := func(text *string, by string) {
		if p, err := netip.ParsePrefix(aws.ToString(text)); err == nil && p.Bits() > 0 {
			taken = append(taken, cidr.Taken{Range: p, By: by})
		}
	}
	mine := map[string]bool{}
	networks := ec2.NewDescribeVpcsPaginator(client, &ec2.DescribeVpcsInput{})
	for networks.HasMorePages() {
		page, err := networks.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Vpcs {
			if mine[aws.ToString(v.VpcId)] = s.own(v.Tags); mine[aws.ToString(v.VpcId)] {
				continue
			}
			for _, a := range v.CidrBlockAssociationSet {
				add(a.CidrBlock, "network "+aws.ToString(v.VpcId)+" of the account")
			}
			if len(v.CidrBlockAssociationSet) == 0 {
				add(v.CidrBlock, "network "+aws.ToString(v.VpcId)+" of the account")
			}
		}
	}
	peerings := ec2.NewDescribeVpcPeeringConnectionsPaginator(client, &ec2.DescribeVpcPeeringConnectionsInput{})
	for peerings.HasMorePages() {
		page, err := peerings.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range page.VpcPeeringConnections {
			for _, end := range []*types.VpcPeeringConnectionVpcInfo{c.RequesterVpcInfo, c.AccepterVpcInfo} {
				if end != nil && !mine[aws.ToString(end.VpcId)] {
					add(end.CidrBlock, "network "+aws.ToString(end.VpcId)+" behind peering "+aws.ToString(c.VpcPeeringConnectionId))
				}
			}
		}
	}
	tables := ec2.NewDescribeRouteTablesPaginator(client, &ec2.DescribeRouteTablesInput{})
	for tables.HasMorePages() {
		page, err := tables.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, table := range page.RouteTables {
			for _, r := range table.Routes {
				if by := behind(r); by != "" {
					add(r.DestinationCidrBlock, "a network behind "+by+" (route table "+aws.ToString(table.RouteTableId)+")")
				}
			}
		}
	}
	return taken, nil
}

// behind is what leads a route out of its network to another one; empty for the
// internet and for the network itself.
func behind(r types.Route) string {
	switch gateway := aws.ToString(r.GatewayId); {
	case r.TransitGatewayId != nil:
		return aws.ToString(r.TransitGatewayId)
	case r.VpcPeeringConnectionId != nil:
		return aws.ToString(r.VpcPeeringConnectionId)
	case strings.HasPrefix(gateway, "vgw-"):
		return gateway
	default:
		return ""
	}
}
