package orphan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// idsAtOnce is how many values a filter of EC2 takes.
const idsAtOnce = 200

// present leaves out what AWS lists although it is no more: instances, gateways
// and endpoints that have ended, keys that wait for their deletion. Each kind
// is asked for once in each region. What nobody answered for stays, and the
// error says so.
func (a Account) present(ctx context.Context, all []Resource) ([]Resource, error) {
	type place struct{ kind, region string }
	ids := map[place][]string{}
	for _, r := range all {
		at := place{r.Type, a.regionOf(r)}
		ids[at] = append(ids[at], r.ID)
	}
	var (
		guard  sync.Mutex
		group  sync.WaitGroup
		gone   = map[place][]string{}
		failed []error
	)
	for at, listed := range ids {
		ask := a.standing(at.kind)
		if ask == nil {
			continue // listed is there
		}
		group.Go(func() {
			there, err := ask(ctx, at.region, listed)
			guard.Lock()
			defer guard.Unlock()
			if err != nil {
				failed = append(failed, err)
				return
			}
			gone[at] = slices.DeleteFunc(listed, func(id string) bool { return slices.Contains(there, id) })
		})
	}
	group.Wait()
	return slices.DeleteFunc(all, func(r Resource) bool {
		return slices.Contains(gone[place{r.Type, a.regionOf(r)}], r.ID)
	}), errors.Join(failed...)
}

// regionOf is the resource's own: the environment's, or that which lists what
// has none.
func (a Account) regionOf(r Resource) string {
	if region := r.Region(); region != "" {
		return region
	}
	return a.Region
}

// standing is how a kind is asked which of the ids really are there; nil when
// AWS lists no others.
func (a Account) standing(kind string) func(ctx context.Context, region string, ids []string) ([]string, error) {
	switch kind {
	case "aws_instance":
		return a.standingInstances
	case "aws_kms_key":
		return a.standingKeys
	case "aws_nat_gateway":
		return a.standingGateways
	case "aws_vpc_endpoint":
		return a.standingEndpoints
	default:
		return nil
	}
}

func (a Account) ec2(region string) *ec2.Client {
	return ec2.NewFromConfig(a.AWS, func(o *ec2.Options) { o.Region = region })
}

func (a Account) standingInstances(ctx context.Context, region string, ids []string) (there []string, err error) {
	for some := range slices.Chunk(ids, idsAtOnce) {
		pages := ec2.NewDescribeInstancesPaginator(a.ec2(region), &ec2.DescribeInstancesInput{
			Filters: []ec2types.Filter{{Name: aws.String("instance-id"), Values: some}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("look at the instances in %s: %w", region, err)
			}
			for _, reservation := range page.Reservations {
				for _, i := range reservation.Instances {
					if !over(i) {
						there = append(there, aws.ToString(i.InstanceId))
					}
				}
			}
		}
	}
	return there, nil
}

// over tells whether an instance has ended, or is about to.
func over(i ec2types.Instance) bool {
	return i.State.Name == ec2types.InstanceStateNameTerminated || i.State.Name == ec2types.InstanceStateNameShuttingDown
}

func (a Account) standingGateways(ctx context.Context, region string, ids []string) (there []string, err error) {
	for some := range slices.Chunk(ids, idsAtOnce) {
		pages := ec2.NewDescribeNatGatewaysPaginator(a.ec2(region), &ec2.DescribeNatGatewaysInput{
			Filter: []ec2types.Filter{{Name: aws.String("nat-gateway-id"), Values: some}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("look at the NAT gateways in %s: %w", region, err)
			}
			for _, g := range page.NatGateways {
				if g.State != ec2types.NatGatewayStateDeleted {
					there = append(there, aws.ToString(g.NatGatewayId))
				}
			}
		}
	}
	return there, nil
}

// standingEndpoints asks by the environment's tags, which every service knows.
func (a Account) standingEndpoints(ctx context.Context, region string, _ []string) (there []string, err error) {
	pages := ec2.NewDescribeVpcEndpointsPaginator(a.ec2(region), &ec2.DescribeVpcEndpointsInput{Filters: a.ours()})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at the networks' endpoints in %s: %w", region, err)
		}
		for _, e := range page.VpcEndpoints {
			if !strings.EqualFold(string(e.State), "deleted") {
				there = append(there, aws.ToString(e.VpcEndpointId))
			}
		}
	}
	return there, nil
}

// standingKeys asks for one after the other: KMS has no list of states.
func (a Account) standingKeys(ctx context.Context, region string, ids []string) (there []string, err error) {
	client := kms.NewFromConfig(a.AWS, func(o *kms.Options) { o.Region = region })
	for _, id := range ids {
		out, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
		var missing *kmstypes.NotFoundException
		if errors.As(err, &missing) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at key %s in %s: %w", id, region, err)
		}
		if out.KeyMetadata.KeyState != kmstypes.KeyStatePendingDeletion {
			there = append(there, id)
		}
	}
	return there, nil
}
