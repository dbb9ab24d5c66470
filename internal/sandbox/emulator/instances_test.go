package emulator_test

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"infra/internal/sandbox/emulator"
)

// codeOf is the AWS error code, "" for none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func stopAndStart(t *testing.T, p place, id string) {
	t.Helper()
	must[*ec2.StopInstancesOutput](t)(p.ec2.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}))
	p.confirm(t, id, emulator.Stopped)
	must[*ec2.StartInstancesOutput](t)(p.ec2.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))
	p.confirm(t, id, emulator.Running)
}

func TestCorrection04AVolumeInUseStaysWhereItIs(t *testing.T) {
	p := newPlace(t)
	one, two := p.launch(t, &ec2.RunInstancesInput{}), p.launch(t, &ec2.RunInstancesInput{})
	volume := func(zone string) *string {
		created := must[*ec2.CreateVolumeOutput](t)(p.ec2.CreateVolume(t.Context(), &ec2.CreateVolumeInput{
			AvailabilityZone: aws.String(region + zone), Size: aws.Int32(20), VolumeType: types.VolumeTypeGp3,
		}))
		return created.VolumeId
	}
	attach := func(volume *string, to types.Instance, device string) string {
		_, err := p.ec2.AttachVolume(t.Context(), &ec2.AttachVolumeInput{VolumeId: volume, InstanceId: to.InstanceId, Device: &device})
		return codeOf(err)
	}
	data := volume("a")
	for _, step := range []struct {
		volume *string
		to     types.Instance
		device string
		want   string
	}{
		{data, one, "/dev/sdf", ""},
		{data, two, "/dev/sdf", "VolumeInUse"},
		{data, one, "/dev/sdg", "VolumeInUse"},
		{volume("a"), one, "/dev/sdf", "InvalidParameterValue"},
		{volume("b"), one, "/dev/sdh", "InvalidVolume.ZoneMismatch"},
	} {
		if got := attach(step.volume, step.to, step.device); got != step.want {
			t.Errorf("attach %s to %s: %q, want %q", step.device, *step.to.InstanceId, got, step.want)
		}
	}
	held := instanceOf(t, *one.InstanceId).Volumes
	if len(held) != 2 || held[0] != (emulator.Attachment{ID: *data, Device: "/dev/sdf", SizeGB: 20}) {
		t.Errorf("the snapshot has %+v", held)
	}
	if root := held[1]; root.Device != "/dev/xvda" || !root.Root {
		t.Errorf("the root volume is %+v", root)
	}
	p.terminate(t, *one.InstanceId)
	left := must[*ec2.DescribeVolumesOutput](t)(p.ec2.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{VolumeIds: []string{*data}}))
	if got := left.Volumes[0].State; got != types.VolumeStateAvailable {
		t.Errorf("after its instance is gone the volume is %s", got)
	}
}

func TestCorrection07MonitoringCanBeSwitched(t *testing.T) {
	p := newPlace(t)
	ids := []string{*p.launch(t, &ec2.RunInstancesInput{}).InstanceId}
	must[*ec2.MonitorInstancesOutput](t)(p.ec2.MonitorInstances(t.Context(), &ec2.MonitorInstancesInput{InstanceIds: ids}))
	if got := p.describe(t, ids[0]).Monitoring.State; got != types.MonitoringStateEnabled {
		t.Errorf("monitoring is %s", got)
	}
	must[*ec2.UnmonitorInstancesOutput](t)(p.ec2.UnmonitorInstances(t.Context(), &ec2.UnmonitorInstancesInput{InstanceIds: ids}))
	if got := p.describe(t, ids[0]).Monitoring.State; got != types.MonitoringStateDisabled {
		t.Errorf("monitoring is %s", got)
	}
}

func TestCorrection11ATemplatesTagsAreItsOwn(t *testing.T) {
	client := ec2.NewFromConfig(config())
	tags := []types.Tag{{Key: aws.String("Name"), Value: aws.String("template")}}
	made := must[*ec2.CreateLaunchTemplateOutput](t)(client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("eleven"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Micro},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeLaunchTemplate, Tags: tags}},
	}))
	if got := made.LaunchTemplate.Tags; len(got) != 1 {
		t.Errorf("the template's tags are %v", got)
	}
	versions := must[*ec2.DescribeLaunchTemplateVersionsOutput](t)(client.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: made.LaunchTemplate.LaunchTemplateId,
	}))
	if got := versions.LaunchTemplateVersions[0].LaunchTemplateData.TagSpecifications; len(got) != 0 {
		t.Errorf("its data has %v", got)
	}
}

func TestCorrection14StatesWaitForTheHost(t *testing.T) {
	p := newPlace(t)
	run := must[*ec2.RunInstancesOutput](t)(p.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0deb1200000020251"), SubnetId: &p.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
	}))
	id := *run.Instances[0].InstanceId
	expect := func(want types.InstanceStateName) {
		t.Helper()
		if got := p.describe(t, id).State.Name; got != want {
			t.Fatalf("the API says %s, want %s", got, want)
		}
		if got := instanceOf(t, id).State; got != emulator.State(want) {
			t.Fatalf("the snapshot says %s, want %s", got, want)
		}
	}
	stop := func(force, skip bool) {
		t.Helper()
		must[*ec2.StopInstancesOutput](t)(p.ec2.StopInstances(t.Context(), &ec2.StopInstancesInput{
			InstanceIds: []string{id}, Force: &force, SkipOsShutdown: &skip,
		}))
	}
	expect(types.InstanceStateNamePending)
	p.confirm(t, id, emulator.Running)
	expect(types.InstanceStateNameRunning)

	must[*ec2.RebootInstancesOutput](t)(p.ec2.RebootInstances(t.Context(), &ec2.RebootInstancesInput{InstanceIds: []string{id}}))
	stop(false, false)
	expect(types.InstanceStateNameStopping)
	if got := instanceOf(t, id); got.StopMode != emulator.Graceful || got.Reboots != 1 || got.Boot != 1 {
		t.Errorf("stop mode %s, %d reboots, boot %d", got.StopMode, got.Reboots, got.Boot)
	}
	stop(true, false)
	if got := instanceOf(t, id).StopMode; got != emulator.Force {
		t.Errorf("asked again with force, the stop mode is %s", got)
	}
	stop(true, true)
	if got := instanceOf(t, id).StopMode; got != emulator.SkipOS {
		t.Errorf("asked again without the system, the stop mode is %s", got)
	}
	if _, err := p.ec2.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}); codeOf(err) != "IncorrectInstanceState" {
		t.Errorf("starting while it stops: %v", err)
	}
	expect(types.InstanceStateNameStopping)
	p.confirm(t, id, emulator.Stopped)
	expect(types.InstanceStateNameStopped)

	must[*ec2.StartInstancesOutput](t)(p.ec2.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))
	expect(types.InstanceStateNamePending)
	if err := shared.Client().ConfirmState(t.Context(), id, 1, emulator.Running); !errors.Is(err, emulator.ErrSuperseded) {
		t.Errorf("a report about the first life: %v", err)
	}
	if err := shared.Client().ConfirmState(t.Context(), id, 2, emulator.Running); err != nil {
		t.Fatal(err)
	}
	expect(types.InstanceStateNameRunning)
	p.confirm(t, id, emulator.Stopped) // the host switched itself off
	expect(types.InstanceStateNameStopped)

	must[*ec2.TerminateInstancesOutput](t)(p.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	expect(types.InstanceStateNameShuttingDown)
	if err := shared.Client().ConfirmState(t.Context(), id, 0, emulator.Stopped); !errors.Is(err, emulator.ErrSuperseded) {
		t.Errorf("stopped while it is terminated: %v", err)
	}
	p.confirm(t, id, emulator.Terminated)
	expect(types.InstanceStateNameTerminated)
	p.confirm(t, id, emulator.Terminated)
}

func TestConsoleOutputIsTheHosts(t *testing.T) {
	p := newPlace(t)
	id := p.launch(t, &ec2.RunInstancesInput{}).InstanceId
	console := func() string {
		output := must[*ec2.GetConsoleOutputOutput](t)(p.ec2.GetConsoleOutput(t.Context(), &ec2.GetConsoleOutputInput{InstanceId: id, Latest: aws.Bool(true)}))
		if output.Timestamp == nil {
			t.Error("there is no timestamp")
		}
		text, err := base64.StdEncoding.DecodeString(aws.ToString(output.Output))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := console(); got != "" {
		t.Errorf("before the host said anything: %q", got)
	}
	const said = "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA root@host\n"
	if err := shared.Client().PutConsole(t.Context(), *id, []byte(said)); err != nil {
		t.Fatal(err)
	}
	if got := console(); got != said {
		t.Errorf("the console is %q", got)
	}
}

func TestImagesAreDebians(t *testing.T) {
	for _, where := range []string{region, "us-east-1"} {
		client := ec2.NewFromConfig(config(), func(o *ec2.Options) { o.Region = where })
		output := must[*ec2.DescribeImagesOutput](t)(client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{
			Owners: []string{"136693071363"},
			Filters: []types.Filter{
				{Name: aws.String("name"), Values: []string{"debian-12-amd64-*"}},
				{Name: aws.String("architecture"), Values: []string{"x86_64"}},
				{Name: aws.String("virtualization-type"), Values: []string{"hvm"}},
			},
		}))
		if len(output.Images) != 2 {
			t.Fatalf("%s has %d images", where, len(output.Images))
		}
		for _, image := range output.Images {
			if aws.ToString(image.RootDeviceName) != "/dev/xvda" || image.RootDeviceType != types.DeviceTypeEbs {
				t.Errorf("%s boots from %s (%s)", *image.Name, *image.RootDeviceName, image.RootDeviceType)
			}
		}
	}
}

// Packer launches its host so.
func TestAnInstanceWithoutASubnetStandsInTheDefaultOne(t *testing.T) {
	p := newPlace(t)
	made := must[*ec2.RunInstancesOutput](t)(p.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: aws.String("ami-0deb1200000020251"), InstanceType: types.InstanceTypeT3Micro,
	}))
	i := p.describe(t, *made.Instances[0].InstanceId)
	subnets := must[*ec2.DescribeSubnetsOutput](t)(p.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{aws.ToString(i.SubnetId)}}))
	subnet := subnets.Subnets[0]
	own, err := netip.ParsePrefix(*subnet.CidrBlock)
	if err != nil {
		t.Fatal(err)
	}
	if !*subnet.DefaultForAz || !own.Contains(netip.MustParseAddr(*i.PrivateIpAddress)) || aws.ToString(i.PublicIpAddress) == "" {
		t.Errorf("it has %s and %s in %s", *i.PrivateIpAddress, aws.ToString(i.PublicIpAddress), own)
	}
}
