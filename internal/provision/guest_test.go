package provision

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestRenamed(t *testing.T) {
	script := "#cloud-config\n\"hostname\": \"postgresql-1\"\n\"preserve_hostname\": false\n\"user\":\n  \"name\": \"admin\"\n"
	encoded, err := renamed(base64.StdEncoding.EncodeToString([]byte(script)), "verify")
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(script, `"postgresql-1"`, "verify", 1); string(decoded) != want {
		t.Errorf("the first-boot script is\n%s", decoded)
	}
	if _, err := renamed("not base64!", "x"); err == nil {
		t.Error("what cannot be read is taken for a script")
	}
}

func TestDisksLike(t *testing.T) {
	like := types.Instance{RootDeviceName: aws.String("/dev/xvda")}
	at := func(device string, gb int32) types.Volume {
		return types.Volume{Size: aws.Int32(gb), KmsKeyId: aws.String("key"), Attachments: []types.VolumeAttachment{{Device: aws.String(device)}}}
	}
	model := []types.Volume{at("/dev/xvda", 20), at("/dev/sdf", 300), {}}
	for asked, want := range map[int]int32{50: 50, 0: 300} {
		disks := disksLike(like, model, asked)
		if len(disks) != 2 || *disks[0].Ebs.VolumeSize != 20 || *disks[1].Ebs.VolumeSize != want || *disks[1].DeviceName != "/dev/sdf" {
			t.Errorf("%d asked for: %+v", asked, disks)
		}
		for _, d := range disks {
			if !*d.Ebs.Encrypted || aws.ToString(d.Ebs.KmsKeyId) != "key" || !*d.Ebs.DeleteOnTermination {
				t.Errorf("a disk is not encrypted like the model's, or outlives its host: %+v", d.Ebs)
			}
		}
	}
}
