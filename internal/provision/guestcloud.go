package provision

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/orphan"
)

// KeptTag is the tag of a guest that outlives its run; its value is the name
// that people know it by.
const KeptTag = "infra-guest"

// dataDevice is where the volume `data` is attached, as at the layers' hosts.
const dataDevice = "/dev/sdf"

// launchLimit bounds a request that must not be cut short: an answer that
// nobody waits for could name a host that nobody knows of.
const launchLimit = 2 * time.Minute

// launch asks EC2 for a host like another one.
func (p *Platform) launch(ctx context.Context, order GuestOrder) (inventory.Host, error) {
	op := "make the host " + order.Name
	client := ec2.NewFromConfig(p.aws)
	like, err := model(ctx, client, order.Like)
	if err != nil {
		return inventory.Host{}, fault.New(fault.Failed, op, err, "infra apply "+p.Env.Name()+" --layer postgresql brings the hosts back that it is modelled on")
	}
	request, err := p.request(ctx, client, like, order)
	if err != nil {
		return inventory.Host{}, fault.New(fault.Failed, op, err, "")
	}
	if ctx.Err() != nil {
		return inventory.Host{}, ctx.Err()
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), launchLimit)
	defer cancel()
	out, err := client.RunInstances(whole, request)
	if err != nil {
		return inventory.Host{}, fault.New(fault.Failed, op, err, "")
	}
	made := out.Instances[0]
	host := inventory.Host{
		ID: aws.ToString(made.InstanceId), Name: order.Name, Layer: GuestLayer, Role: GuestLayer, Number: 1,
		PrivateAddress: aws.ToString(made.PrivateIpAddress), Zone: aws.ToString(made.Placement.AvailabilityZone),
	}
	p.con.Detail("%s: %s, a %s like %s", host.Name, host.ID, made.InstanceType, aws.ToString(like.InstanceId))
	host.Volumes, err = volumes(ctx, client, host.ID)
	if err != nil {
		return host, fault.New(fault.Failed, op, err, "")
	}
	return host, nil
}

// model is the first of the hosts that EC2 still knows.
func model(ctx context.Context, client *ec2.Client, hosts []inventory.Host) (types.Instance, error) {
	for _, h := range hosts {
		found, err := instances(ctx, client, types.Filter{Name: aws.String("instance-id"), Values: []string{h.ID}})
		if err != nil {
			return types.Instance{}, err
		}
		for _, i := range found {
			if aws.ToString(i.SubnetId) != "" {
				return i, nil
			}
		}
	}
	return types.Instance{}, errors.New("there is no host of the layer left to model it on")
}

// instances are those that match and have not ended.
func instances(ctx context.Context, client *ec2.Client, filters ...types.Filter) ([]types.Instance, error) {
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: filters})
	var found []types.Instance
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe instances: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if i.State != nil && i.State.Name != types.InstanceStateNameTerminated {
					found = append(found, i)
				}
			}
		}
	}
	return found, nil
}

// request is a host like another: its image, type, network, permissions and
// first-boot script, with a root volume and a data volume encrypted as the
// other's are. Both volumes end with the host.
func (p *Platform) request(ctx context.Context, client *ec2.Client, like types.Instance, order GuestOrder) (*ec2.RunInstancesInput, error) {
	userData, err := client.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{
		InstanceId: like.InstanceId, Attribute: types.InstanceAttributeNameUserData,
	})
	if err != nil {
		return nil, fmt.Errorf("read the first-boot script of %s: %w", aws.ToString(like.InstanceId), err)
	}
	script := ""
	if userData.UserData != nil {
		if script, err = renamed(aws.ToString(userData.UserData.Value), order.Name); err != nil {
			return nil, err
		}
	}
	disks, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{
		Filters: []types.Filter{{Name: aws.String("attachment.instance-id"), Values: []string{aws.ToString(like.InstanceId)}}},
	})
	if err != nil {
		return nil, fmt.Errorf("look at the volumes of %s: %w", aws.ToString(like.InstanceId), err)
	}
	tags := p.GuestTags(order.Name, order.Tags)
	request := &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String(p.Run.ID + "-" + order.Name),
		ImageId: like.ImageId, InstanceType: like.InstanceType, KeyName: like.KeyName, SubnetId: like.SubnetId, EbsOptimized: like.EbsOptimized,
		MetadataOptions: &types.InstanceMetadataOptionsRequest{
			HttpEndpoint: types.InstanceMetadataEndpointStateEnabled, HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(1),
		},
		BlockDeviceMappings: disksLike(like, disks.Volumes, order.DataGB),
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: tagList(tags)}, {ResourceType: types.ResourceTypeVolume, Tags: tagList(tags)},
		},
	}
	if order.Image != "" {
		request.ImageId = aws.String(order.Image)
	}
	if script != "" {
		request.UserData = aws.String(script)
	}
	for _, group := range like.SecurityGroups {
		request.SecurityGroupIds = append(request.SecurityGroupIds, aws.ToString(group.GroupId))
	}
	if like.IamInstanceProfile != nil {
		request.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: like.IamInstanceProfile.Arn}
	}
	return request, nil
}

// GuestTags are the tags of a guest, more among them: whose it is, and which
// run made it, so that `infra recover` finds it.
func (p *Platform) GuestTags(name string, more map[string]string) map[string]string {
	tags := maps.Clone(p.Env.Tags())
	maps.Copy(tags, map[string]string{
		"Name": "infra-" + p.Env.Name() + "-" + name, "environment": p.Env.Name(), "managed_by": "infra", orphan.Tag: p.Run.ID,
	})
	maps.Copy(tags, more)
	return tags
}

// debianRootGB is how large the root device of Debian's image is.
const debianRootGB = 8

// rootDevice is the name that an instance or image gives to its root device;
// Debian's where it says nothing.
func rootDevice(named *string) string { return cmp.Or(aws.ToString(named), "/dev/xvda") }

// disksLike are a root volume as large as the model's and a data volume, that
// one too as large as the model's when no size is given.
func disksLike(like types.Instance, disks []types.Volume, dataGB int) []types.BlockDeviceMapping {
	device := rootDevice(like.RootDeviceName)
	of := func(device string, gb int) types.BlockDeviceMapping {
		block := &types.EbsBlockDevice{VolumeType: types.VolumeTypeGp3, VolumeSize: aws.Int32(int32(min(gb, 16384))), DeleteOnTermination: aws.Bool(true), Encrypted: aws.Bool(true)} //nolint:gosec // bounded
		for _, d := range disks {
			if d.KmsKeyId != nil {
				block.KmsKeyId = d.KmsKeyId
			}
		}
		return types.BlockDeviceMapping{DeviceName: aws.String(device), Ebs: block}
	}
	root := debianRootGB
	for _, d := range disks {
		if len(d.Attachments) == 0 {
			continue
		}
		switch aws.ToString(d.Attachments[0].Device) {
		case device:
			root = int(aws.ToInt32(d.Size))
		case dataDevice:
			dataGB = cmp.Or(dataGB, int(aws.ToInt32(d.Size)))
		}
	}
	return []types.BlockDeviceMapping{of(device, root), of(dataDevice, dataGB)}
}

// renamed is a first-boot script of cloud-init for a host of another name.
func renamed(encoded, name string) (string, error) {
	script, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("the first-boot script cannot be read: %w", err)
	}
	line := regexp.MustCompile(`(?m)^("?hostname"?:).*$`)
	return base64.StdEncoding.EncodeToString(line.ReplaceAll(script, []byte("${1} "+name))), nil
}

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// volumes waits until EC2 tells which volume is attached as `data`.
func volumes(ctx context.Context, client *ec2.Client, id string) (map[string]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, launchLimit, errors.New("EC2 attached no data volume in time"))
	defer cancel()
	for {
		found, err := instances(ctx, client, types.Filter{Name: aws.String("instance-id"), Values: []string{id}})
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			for _, m := range i.BlockDeviceMappings {
				if aws.ToString(m.DeviceName) == dataDevice && m.Ebs != nil {
					return map[string]string{"data": aws.ToString(m.Ebs.VolumeId)}, nil
				}
			}
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
