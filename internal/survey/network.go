package survey

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"infra/internal/audit"
)

// network is everything in the environment's network.
func (s *surveyor) network(ctx context.Context) error {
	if s.VPC == "" {
		return nil
	}
	client := ec2.NewFromConfig(s.aws)
	for _, ask := range []func(context.Context, *ec2.Client) error{s.vpc, s.peers, s.subnets, s.acls, s.hosts, s.groups} {
		if err := ask(ctx, client); err != nil {
			return err
		}
	}
	return s.balancers(ctx)
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}

func ec2Tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

func (s *surveyor) vpc(ctx context.Context, client *ec2.Client) error {
	found, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("vpc-id", s.VPC)}})
	if err != nil {
		return err
	}
	for _, v := range found.Vpcs {
		s.facts.VPC.Thing = audit.Thing{Type: "aws_vpc", ID: s.VPC}
		for _, a := range v.CidrBlockAssociationSet {
			s.facts.VPC.Ranges = append(s.facts.VPC.Ranges, ranges(a.CidrBlock)...)
		}
		for _, a := range v.Ipv6CidrBlockAssociationSet {
			s.facts.VPC.Ranges = append(s.facts.VPC.Ranges, ranges(a.Ipv6CidrBlock)...)
		}
	}
	flows, err := client.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{Filter: []types.Filter{filter("resource-id", s.VPC)}})
	if err != nil {
		return err
	}
	for _, f := range flows.FlowLogs {
		s.facts.VPC.Flows = s.facts.VPC.Flows || aws.ToString(f.FlowLogStatus) == "ACTIVE"
	}
	return nil
}

// peers are the networks on the other side of each active peering, each once.
func (s *surveyor) peers(ctx context.Context, client *ec2.Client) error {
	for _, side := range []string{"requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id"} {
		pages := ec2.NewDescribeVpcPeeringConnectionsPaginator(client, &ec2.DescribeVpcPeeringConnectionsInput{Filters: []types.Filter{filter(side, s.VPC)}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, c := range page.VpcPeeringConnections {
				if c.Status == nil || c.Status.Code != types.VpcPeeringConnectionStateReasonCodeActive {
					continue
				}
				for _, end := range []*types.VpcPeeringConnectionVpcInfo{c.RequesterVpcInfo, c.AccepterVpcInfo} {
					if end == nil || aws.ToString(end.VpcId) == s.VPC {
						continue
					}
					for _, r := range ranges(end.CidrBlock) {
						if !slices.Contains(s.facts.VPC.Peers, r) {
							s.facts.VPC.Peers = append(s.facts.VPC.Peers, r)
						}
					}
				}
			}
		}
	}
	return nil
}

func (s *surveyor) subnets(ctx context.Context, client *ec2.Client) error {
	pages := ec2.NewDescribeSubnetsPaginator(client, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", s.VPC)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, n := range page.Subnets {
			s.facts.Subnets = append(s.facts.Subnets, audit.Subnet{
				Thing:  audit.Thing{Type: "aws_subnet", ID: aws.ToString(n.SubnetId), Name: tagsOf(n.Tags, ec2Tag)["Name"]},
				Public: aws.ToBool(n.MapPublicIpOnLaunch),
			})
		}
	}
	return nil
}

func (s *surveyor) hosts(ctx context.Context, client *ec2.Client) error {
	addresses, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return err
	}
	elastic := map[string]*audit.Thing{}
	for _, a := range addresses.Addresses {
		elastic[aws.ToString(a.PublicIp)] = &audit.Thing{Type: "aws_eip", ID: aws.ToString(a.AllocationId)}
	}
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: []types.Filter{
		filter("vpc-id", s.VPC), filter("instance-state-name", "pending", "running", "stopping", "stopped"),
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				tags := tagsOf(i.Tags, ec2Tag)
				public := aws.ToString(i.PublicIpAddress)
				s.facts.Hosts = append(s.facts.Hosts, audit.Host{
					Thing: audit.Thing{Type: "aws_instance", ID: aws.ToString(i.InstanceId), Name: tags["Name"]},
					Layer: tags["layer"], Cluster: tags["cluster"], Public: public, Addressed: elastic[public],
					OldTokens: i.MetadataOptions == nil || i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired && i.MetadataOptions.HttpEndpoint != types.InstanceMetadataEndpointStateDisabled,
				})
			}
		}
	}
	return nil
}

func (s *surveyor) balancers(ctx context.Context) error {
	client := elb.NewFromConfig(s.aws)
	pages := elb.NewDescribeLoadBalancersPaginator(client, &elb.DescribeLoadBalancersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, b := range page.LoadBalancers {
			if aws.ToString(b.VpcId) != s.VPC {
				continue
			}
			one := audit.Balancer{
				Thing:  audit.Thing{Type: "aws_lb", ID: aws.ToString(b.LoadBalancerArn), Name: aws.ToString(b.LoadBalancerName)},
				Public: b.Scheme == elbtypes.LoadBalancerSchemeEnumInternetFacing,
			}
			attributes, err := client.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: b.LoadBalancerArn})
			if err != nil {
				return err
			}
			for _, a := range attributes.Attributes {
				if aws.ToString(a.Key) == "access_logs.s3.enabled" {
					one.Logs = strings.EqualFold(aws.ToString(a.Value), "true")
				}
			}
			s.facts.Balancer = append(s.facts.Balancer, one)
		}
	}
	return nil
}

// ranges is a network as a list of one; empty when it is none.
func ranges(text *string) []netip.Prefix {
	p, err := netip.ParsePrefix(aws.ToString(text))
	if err != nil {
		return nil
	}
	return []netip.Prefix{p.Masked()}
}
