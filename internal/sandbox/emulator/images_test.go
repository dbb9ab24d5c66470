package emulator_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"infra/internal/sandbox/emulator"
)

func TestCorrection18ImagesOfInstancesTakeTheirTime(t *testing.T) {
	p := newPlace(t)
	instance := *p.launch(t, &ec2.RunInstancesInput{}).InstanceId
	made := must[*ec2.CreateImageOutput](t)(p.ec2.CreateImage(t.Context(), &ec2.CreateImageInput{
		InstanceId: &instance, Name: aws.String("hosts-1"),
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeImage, Tags: []types.Tag{{Key: aws.String("base"), Value: aws.String("debian")}}},
			{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String("hosts-1")}}},
		},
	}))
	describe := func() types.Image {
		t.Helper()
		return must[*ec2.DescribeImagesOutput](t)(p.ec2.DescribeImages(t.Context(), &ec2.DescribeImagesInput{
			Owners: []string{"self"}, Filters: []types.Filter{{Name: aws.String("name"), Values: []string{"hosts-*"}}},
		})).Images[0]
	}
	if image := describe(); image.State != types.ImageStatePending || *image.ImageId != *made.ImageId || len(image.Tags) != 1 || *image.RootDeviceName != "/dev/xvda" {
		t.Errorf("at first: %+v", image)
	}
	kept := must[*ec2.DescribeSnapshotsOutput](t)(p.ec2.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*describe().BlockDeviceMappings[0].Ebs.SnapshotId}}))
	if tags := kept.Snapshots[0].Tags; len(tags) != 1 || *tags[0].Value != "hosts-1" {
		t.Errorf("the image's snapshot has the tags %v", tags)
	}
	launch := &ec2.RunInstancesInput{
		ImageId: made.ImageId, SubnetId: &p.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
	}
	var refused smithy.APIError
	if _, err := p.ec2.RunInstances(t.Context(), launch); !errors.As(err, &refused) || refused.ErrorCode() != "InvalidAMIID.Unavailable" {
		t.Errorf("a host of a pending image: %v", err)
	}
	if _, err := p.ec2.CreateImage(t.Context(), &ec2.CreateImageInput{InstanceId: &instance, Name: aws.String("hosts-1")}); !errors.As(err, &refused) || refused.ErrorCode() != "InvalidAMIName.Duplicate" {
		t.Errorf("a second image of that name: %v", err)
	}
	shown := func() emulator.Image {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			for _, image := range snapshot(t).Images {
				if image.ID == *made.ImageId {
					return image
				}
			}
		}
		t.Fatal("the snapshot does not show the image")
		return emulator.Image{}
	}
	if image := shown(); image.Instance != instance || image.State != "pending" {
		t.Errorf("%+v", image)
	}
	if err := shared.Client().ConfirmImage(t.Context(), *made.ImageId); err != nil {
		t.Fatal(err)
	}
	if image := describe(); image.State != types.ImageStateAvailable {
		t.Errorf("when it is stored: %+v", image)
	}
	must[*ec2.RunInstancesOutput](t)(p.ec2.RunInstances(t.Context(), launch))
	if err := shared.Client().ConfirmImage(t.Context(), "ami-0123456789abcdef0"); err == nil {
		t.Error("an image that does not exist was stored")
	}
}
