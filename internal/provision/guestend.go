package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// KeptGuests are the environment's guests that outlive their runs, by name.
func (p *Platform) KeptGuests(ctx context.Context) ([]inventory.Host, error) {
	found, err := instances(ctx, ec2.NewFromConfig(p.aws),
		types.Filter{Name: aws.String("tag-key"), Values: []string{KeptTag}}, types.Filter{Name: aws.String("tag:environment"), Values: []string{p.Env.Name()}})
	if err != nil {
		return nil, fault.New(fault.Failed, "list the guests of "+p.Env.Name(), err, "")
	}
	var hosts []inventory.Host
	for _, i := range found {
		if i.State.Name != types.InstanceStateNameShuttingDown {
			hosts = append(hosts, guestOf(i))
		}
	}
	slices.SortFunc(hosts, func(a, b inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	for k := range hosts {
		hosts[k].Number = k + 1
	}
	return hosts, nil
}

// guestOf is an instance as a host.
func guestOf(i types.Instance) inventory.Host {
	h := inventory.Host{
		ID: aws.ToString(i.InstanceId), Name: tagOf(i.Tags, KeptTag), Layer: GuestLayer, Role: GuestLayer, Number: 1, PrivateAddress: aws.ToString(i.PrivateIpAddress),
	}
	if i.Placement != nil {
		h.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	return h
}

func tagOf(tags []types.Tag, key string) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// terminate ends the instances with a tag and waits until they have ended.
// What EC2 did not list at once it may list a moment later: it is asked again
// before the answer `none` is believed.
func terminate(ctx context.Context, client *ec2.Client, filters []types.Filter) ([]inventory.Host, error) {
	var ended []inventory.Host
	for none := 0; none < 2; {
		found, err := instances(ctx, client, filters...)
		if err != nil {
			return ended, err
		}
		if len(found) == 0 {
			none++
		}
		for _, i := range found {
			h := guestOf(i)
			if slices.ContainsFunc(ended, func(e inventory.Host) bool { return e.ID == h.ID }) {
				continue
			}
			if _, err := client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{h.ID}}); err != nil {
				return ended, fmt.Errorf("terminate %s: %w", h.ID, err)
			}
			ended = append(ended, h)
		}
		if err := pause(ctx, time.Second); err != nil {
			return ended, fmt.Errorf("wait until the instances have ended: %w", err)
		}
	}
	return ended, nil
}

// deleteVolumes waits until the volumes with a tag, which end with their
// instances, are gone, and deletes those that stay.
func deleteVolumes(ctx context.Context, client *ec2.Client, filters []types.Filter) error {
	for {
		out, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: filters})
		if err != nil {
			return fmt.Errorf("look for volumes that are left: %w", err)
		}
		left := 0
		for _, v := range out.Volumes {
			if v.State == types.VolumeStateDeleting || v.State == types.VolumeStateDeleted {
				continue
			}
			left++
			if v.State != types.VolumeStateAvailable {
				continue
			}
			_, err := client.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: v.VolumeId})
			var api smithy.APIError
			if err != nil && (!errors.As(err, &api) || api.ErrorCode() != "InvalidVolume.NotFound") {
				return fmt.Errorf("delete volume %s: %w", aws.ToString(v.VolumeId), err)
			}
		}
		if left == 0 {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return fmt.Errorf("%d volumes are left: %w", left, err)
		}
	}
}
