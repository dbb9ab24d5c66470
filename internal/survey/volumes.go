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

// everybody is how EC2 names whom a public snapshot or image is shared with.
const everybody = "all"

// volumes are volumes, and their copies: snapshots and images.
func (s *surveyor) volumes(ctx context.Context) error {
	client := ec2.NewFromConfig(s.aws)
	byDefault, err := client.GetEbsEncryptionByDefault(ctx, &ec2.GetEbsEncryptionByDefaultInput{})
	if err != nil {
		return err
	}
	s.facts.EncryptByDefault = aws.ToBool(byDefault.EbsEncryptionByDefault)
	hosts, err := taggedHosts(ctx, client)
	if err != nil {
		return err
	}
	pages := ec2.NewDescribeVolumesPaginator(client, &ec2.DescribeVolumesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range page.Volumes {
			tags := tagsOf(v.Tags, ec2Tag)
			one := audit.Volume{
				Thing:     audit.Thing{Type: "aws_ebs_volume", ID: aws.ToString(v.VolumeId), Name: tags["Name"]},
				Encrypted: aws.ToBool(v.Encrypted),
			}
			for _, a := range v.Attachments {
				one.Host = aws.ToString(a.InstanceId)
			}
			host := hosts[one.Host]
			one.Layer = host["layer"]
			if tags["environment"] == "" { // a host's first volume carries no tags
				tags["environment"], one.Name = host["environment"], cmp.Or(one.Name, host["Name"])
			}
			if s.concerns(one.Thing, tags) {
				s.facts.Volumes = append(s.facts.Volumes, one)
			}
		}
	}
	if err := s.snapshots(ctx, client); err != nil {
		return err
	}
	return s.images(ctx, client)
}

// taggedHosts are the tags of instances that say which environment's they are.
func taggedHosts(ctx context.Context, client *ec2.Client) (map[string]map[string]string, error) {
	hosts := map[string]map[string]string{}
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{Filters: []types.Filter{filter("tag-key", "environment")}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				hosts[aws.ToString(i.InstanceId)] = tagsOf(i.Tags, ec2Tag)
			}
		}
	}
	return hosts, nil
}

func (s *surveyor) snapshots(ctx context.Context, client *ec2.Client) error {
	var found []audit.Shared
	pages := ec2.NewDescribeSnapshotsPaginator(client, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, p := range page.Snapshots {
			tags := tagsOf(p.Tags, ec2Tag)
			one := audit.Shared{Thing: audit.Thing{Type: "aws_ebs_snapshot", ID: aws.ToString(p.SnapshotId), Name: tags["Name"]}, Encrypted: aws.ToBool(p.Encrypted)}
			if s.concerns(one.Thing, tags) {
				found = append(found, one)
			}
		}
	}
	return s.shares(ctx, found, func(ctx context.Context, one *audit.Shared) error {
		given, err := client.DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{
			SnapshotId: &one.ID, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
		})
		if isError(err, "InvalidSnapshot.NotFound") { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		for _, p := range given.CreateVolumePermissions {
			s.share(one, string(p.Group), aws.ToString(p.UserId))
		}
		return nil
	})
}

func (s *surveyor) images(ctx context.Context, client *ec2.Client) error {
	var found []audit.Shared
	pages := ec2.NewDescribeImagesPaginator(client, &ec2.DescribeImagesInput{Owners: []string{"self"}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, i := range page.Images {
			one := audit.Shared{Thing: audit.Thing{Type: "aws_ami", ID: aws.ToString(i.ImageId), Name: aws.ToString(i.Name)}, Encrypted: true}
			for _, m := range i.BlockDeviceMappings {
				one.Encrypted = one.Encrypted && (m.Ebs == nil || aws.ToBool(m.Ebs.Encrypted))
			}
			if s.concerns(one.Thing, tagsOf(i.Tags, ec2Tag)) {
				found = append(found, one)
			}
		}
	}
	return s.shares(ctx, found, func(ctx context.Context, one *audit.Shared) error {
		given, err := client.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{ImageId: &one.ID, Attribute: types.ImageAttributeNameLaunchPermission})
		if err != nil {
			return err
		}
		for _, p := range given.LaunchPermissions {
			s.share(one, string(p.Group), aws.ToString(p.UserId))
		}
		return nil
	})
}

// shares asks whom each copy is shared with, and keeps them.
func (s *surveyor) shares(ctx context.Context, found []audit.Shared, ask func(context.Context, *audit.Shared) error) error {
	if err := side(ctx, found, ask); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.facts.Shared = append(s.facts.Shared, found...)
	return nil
}

// share notes one permission.
func (s *surveyor) share(one *audit.Shared, group, account string) {
	if group == everybody || account == everybody {
		one.Public = true
	} else if account != "" && account != s.facts.Account && !slices.Contains(one.Accounts, account) {
		one.Accounts = append(one.Accounts, account)
	}
}
