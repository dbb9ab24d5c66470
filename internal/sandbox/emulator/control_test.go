package emulator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/fault"
	"infra/internal/sandbox/emulator"
)

func TestSnapshotIsShortWhenNothingChanged(t *testing.T) {
	p := newPlace(t)
	before := snapshot(t)
	must[*ec2.DescribeVpcsOutput](t)(p.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}))
	same := must[emulator.Snapshot](t)(shared.Client().Snapshot(t.Context(), before.Version))
	if !same.Unchanged || same.Version != before.Version || same.VPCs != nil {
		t.Errorf("after a reading call: %+v", same)
	}
	p.securityGroup(t, "new")
	after := must[emulator.Snapshot](t)(shared.Client().Snapshot(t.Context(), before.Version))
	if after.Unchanged || after.Version <= before.Version {
		t.Errorf("after a change: version %d, unchanged %v", after.Version, after.Unchanged)
	}
}

func TestSnapshotHasWhatAHostNeeds(t *testing.T) {
	p := newPlace(t)
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDHgqIdyKr9Ei4mZDJGNgyFY1Z6oiHVeU3TI0iFFxbGo operator"
	must[*ec2.ImportKeyPairOutput](t)(p.ec2.ImportKeyPair(t.Context(), &ec2.ImportKeyPairInput{KeyName: &p.vpc, PublicKeyMaterial: []byte(key)}))
	group := p.securityGroup(t, "hosts")
	must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(p.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []types.IpRange{{CidrIp: aws.String("198.51.100.0/24")}}},
			{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group}}},
		},
	}))
	launched := p.launch(t, &ec2.RunInstancesInput{
		PrivateIpAddress: aws.String("10.20.1.30"), KeyName: &p.vpc, UserData: aws.String("I2Nsb3VkLWNvbmZpZwo="), SecurityGroupIds: []string{group},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("zookeeper-1")}}}},
	})
	got := instanceOf(t, *launched.InstanceId)
	for what, pair := range map[string][2]string{
		"account": {got.Account, account}, "region": {got.Region, region}, "zone": {got.Zone, region + "a"}, "vpc": {got.VPC, p.vpc},
		"subnet": {got.Subnet, p.subnet}, "address": {got.PrimaryAddress, "10.20.1.30"}, "key": {got.PublicKey, key},
		"user data": {got.UserData, "I2Nsb3VkLWNvbmZpZwo="}, "name": {got.Tags["Name"], "zookeeper-1"}, "group": {strings.Join(got.SecurityGroups, ","), group},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if got.Launched.IsZero() || got.MAC == "" || !got.SourceDestCheck {
		t.Errorf("%+v", got)
	}
	for _, shown := range snapshot(t).SecurityGroups {
		if shown.ID != group {
			continue
		}
		if len(shown.Ingress) != 2 || shown.Ingress[0].From != 22 || shown.Ingress[0].CIDRs[0] != "198.51.100.0/24" || shown.Ingress[1].Groups[0] != group {
			t.Errorf("the group's rules are %+v", shown.Ingress)
		}
	}
}

func TestFaultsAndRequestLog(t *testing.T) {
	client := shared.Client()
	before := must[emulator.RequestLog](t)(client.Requests(t.Context(), 0)).Last
	store := newBucket(t, "faults")
	once := func(o *s3.Options) { o.RetryMaxAttempts = 1; o.UsePathStyle = true }
	put := func() error {
		_, err := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("faults"), Key: aws.String("k"), Body: strings.NewReader("v")}, once)
		return err
	}
	if err := client.AddFaults(t.Context(), emulator.Fault{Service: "s3", Action: "PutObject", Status: 503, Count: 1}, emulator.Fault{Service: "s3", Method: "PUT", Path: "/faults/k", Status: -1, Count: 1}); err != nil {
		t.Fatal(err)
	}
	if err := put(); codeOf(err) != "ServiceUnavailable" {
		t.Errorf("the first: %v", err)
	}
	if err := put(); err == nil || codeOf(err) != "" {
		t.Errorf("the second, cut off: %v", err)
	}
	if err := put(); err != nil {
		t.Errorf("the third: %v", err)
	}
	if left := must[[]emulator.Fault](t)(client.Faults(t.Context())); len(left) != 0 {
		t.Errorf("used up, and still there: %+v", left)
	}
	endless := emulator.Fault{Service: "ec2", Status: 500}
	if err := client.AddFaults(t.Context(), endless); err != nil {
		t.Fatal(err)
	}
	if left := must[[]emulator.Fault](t)(client.Faults(t.Context())); !slices.Equal(left, []emulator.Fault{endless}) {
		t.Errorf("added %+v, there are %+v", endless, left)
	}
	if err := client.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := must[emulator.RequestLog](t)(client.Requests(t.Context(), before))
	var statuses []int
	for _, request := range log.Requests {
		if request.Service == "s3" && request.Action == "PutObject" {
			statuses = append(statuses, request.Status)
			if !request.Mutating || request.Method != "PUT" || request.Path != "/faults/k" {
				t.Errorf("logged as %+v", request)
			}
		}
	}
	if len(statuses) != 3 || statuses[0] != 503 || statuses[1] != 0 || statuses[2] != 200 {
		t.Errorf("the log has %v", statuses)
	}
	if err := client.AddFaults(t.Context(), emulator.Fault{Service: "s3", DelayMS: 0, Count: 0, Status: 200}); err != nil {
		t.Fatal(err)
	}
	if err := client.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsMissingIsSaidOnce(t *testing.T) {
	p := newPlace(t)
	before := must[emulator.RequestLog](t)(shared.Client().Requests(t.Context(), 0)).Last
	_, err := p.ec2.CreatePlacementGroup(t.Context(), &ec2.CreatePlacementGroupInput{GroupName: aws.String("g")})
	if codeOf(err) != "NotImplemented" || !strings.Contains(err.Error(), "lacks CreatePlacementGroup") {
		t.Errorf("got %v", err)
	}
	if got := len(must[emulator.RequestLog](t)(shared.Client().Requests(t.Context(), before)).Requests); got != 1 {
		t.Errorf("the SDK asked %d times", got)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	p := newPlace(t)
	p.launch(t, &ec2.RunInstancesInput{})
	if err := shared.Client().Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := snapshot(t); len(left.VPCs)+len(left.Instances)+len(left.PublicAddresses) != 0 {
		t.Errorf("left is %+v", left)
	}
	newPlace(t)
}

func TestStartRefusesATakenPort(t *testing.T) {
	health := must[emulator.Health](t)(shared.Client().Health(t.Context()))
	if health.PID != shared.PID() || health.Account != account || !health.Hosts {
		t.Errorf("health is %+v", health)
	}
	port := must[int](t)(portOf(shared.Client().Endpoint()))
	_, err := emulator.Start(t.Context(), emulator.Options{Dir: t.TempDir(), Python: "/nowhere", Port: port, Account: account})
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.Usage || !strings.Contains(refused.Error(), "in use") || refused.Hint == "" {
		t.Errorf("got %v", err)
	}
}

func TestStartTellsWhyItFailed(t *testing.T) {
	port := must[int](t)(freePort(t.Context()))
	_, err := emulator.Start(t.Context(), emulator.Options{
		Dir: t.TempDir(), Python: must[string](t)(pythonBin(t.Context())), Port: port, Account: account, PublicCIDR: "not a range",
	})
	if fault.CodeOf(err) != fault.Failed || !strings.Contains(fault.HintOf(err), "not a range") {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}
