package provision

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestRootGB(t *testing.T) {
	disk := func(device string, gb int32) types.BlockDeviceMapping {
		return types.BlockDeviceMapping{DeviceName: aws.String(device), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(gb)}}
	}
	for _, test := range []struct {
		image types.Image
		want  int32
	}{
		{types.Image{}, 8},
		{types.Image{BlockDeviceMappings: []types.BlockDeviceMapping{disk("/dev/sdf", 100), disk("/dev/xvda", 20)}}, 20},
		{types.Image{RootDeviceName: aws.String("/dev/sda1"), BlockDeviceMappings: []types.BlockDeviceMapping{disk("/dev/sda1", 30), disk("/dev/xvda", 20)}}, 30},
		{types.Image{BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), VirtualName: aws.String("ephemeral0")}}}, 8},
	} {
		if got := rootGB(test.image); got != test.want {
			t.Errorf("%+v: %d, want %d", test.image, got, test.want)
		}
	}
}
