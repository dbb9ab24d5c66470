package emulator_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestCorrection01InterfacesDieWithTheirInstance(t *testing.T) {
	p := newPlace(t)
	instance := p.launch(t, &ec2.RunInstancesInput{PrivateIpAddress: aws.String("10.20.1.10")})
	allocation, _ := p.allocate(t)
	must[*ec2.AssociateAddressOutput](t)(p.ec2.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{
		AllocationId: &allocation, InstanceId: instance.InstanceId,
	}))
	p.terminate(t, *instance.InstanceId)

	if left := p.interfaces(t); len(left) != 0 {
		t.Errorf("%d interfaces are left", len(left))
	}
	address := p.address(t, allocation)
	if address.AssociationId != nil || aws.ToString(address.InstanceId) != "" {
		t.Errorf("the elastic IP is still bound: %+v", address)
	}
	again := p.launch(t, &ec2.RunInstancesInput{PrivateIpAddress: aws.String("10.20.1.10")})
	p.terminate(t, *again.InstanceId)
}

func TestCorrection01ExplicitInterfacesOutliveTheInstance(t *testing.T) {
	p := newPlace(t)
	created := must[*ec2.CreateNetworkInterfaceOutput](t)(p.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
		SubnetId: &p.subnet, PrivateIpAddress: aws.String("10.20.1.20"),
	}))
	instance := p.launch(t, &ec2.RunInstancesInput{NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{
		{DeviceIndex: aws.Int32(0), NetworkInterfaceId: created.NetworkInterface.NetworkInterfaceId},
	}})
	if got := aws.ToString(instance.PrivateIpAddress); got != "10.20.1.20" {
		t.Errorf("the instance has %s", got)
	}
	p.terminate(t, *instance.InstanceId)
	left := p.interfaces(t)
	if len(left) != 1 || left[0].Attachment != nil || left[0].Status != types.NetworkInterfaceStatusAvailable {
		t.Errorf("the interface is %+v", left)
	}
}

func TestCorrection01SecurityGroupsFollowTheFirstInterface(t *testing.T) {
	p := newPlace(t)
	first, second := p.securityGroup(t, "first"), p.securityGroup(t, "second")
	instance := p.launch(t, &ec2.RunInstancesInput{SecurityGroupIds: []string{first}})

	must[*ec2.ModifyInstanceAttributeOutput](t)(p.ec2.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{
		InstanceId: instance.InstanceId, Groups: []string{second},
	}))
	if got := groups(p.interfaces(t)[0].Groups); !slices.Equal(got, []string{second}) {
		t.Errorf("the interface has %v, want only %s", got, second)
	}
	must[*ec2.ModifyNetworkInterfaceAttributeOutput](t)(p.ec2.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: p.interfaces(t)[0].NetworkInterfaceId, Groups: []string{first},
	}))
	if got := groups(p.describe(t, *instance.InstanceId).SecurityGroups); !slices.Equal(got, []string{first}) {
		t.Errorf("the instance has %v, want only %s", got, first)
	}
	must[*ec2.ModifyInstanceAttributeOutput](t)(p.ec2.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{
		InstanceId: instance.InstanceId, InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: aws.String("terminate")},
	}))
	if got := groups(p.describe(t, *instance.InstanceId).SecurityGroups); !slices.Equal(got, []string{first}) {
		t.Errorf("another attribute took the groups away: %v", got)
	}
}

func TestCorrection02AMovedAddressLeavesTheOldInterface(t *testing.T) {
	p := newPlace(t)
	one, two := p.launch(t, &ec2.RunInstancesInput{}), p.launch(t, &ec2.RunInstancesInput{})
	allocation, public := p.allocate(t)
	for _, instance := range []types.Instance{one, two} {
		must[*ec2.AssociateAddressOutput](t)(p.ec2.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{
			AllocationId: &allocation, NetworkInterfaceId: instance.NetworkInterfaces[0].NetworkInterfaceId, AllowReassociation: aws.Bool(true),
		}))
	}
	if got := p.describe(t, *one.InstanceId).PublicIpAddress; got != nil {
		t.Errorf("the old instance still has %s", *got)
	}
	if got := aws.ToString(p.describe(t, *two.InstanceId).PublicIpAddress); got != public {
		t.Errorf("the new instance has %q, want %s", got, public)
	}
	if got := aws.ToString(p.address(t, allocation).InstanceId); got != *two.InstanceId {
		t.Errorf("the address names instance %q", got)
	}
	for _, shown := range snapshot(t).PublicAddresses {
		if shown.Address == public && (shown.Instance != *two.InstanceId || shown.PrivateAddress != *two.PrivateIpAddress) {
			t.Errorf("the snapshot has %+v", shown)
		}
	}
}

func TestCorrection02AnElasticAddressSurvivesAStop(t *testing.T) {
	p := newPlace(t)
	must[*ec2.ModifySubnetAttributeOutput](t)(p.ec2.ModifySubnetAttribute(t.Context(), &ec2.ModifySubnetAttributeInput{
		SubnetId: &p.subnet, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}))
	instance := p.launch(t, &ec2.RunInstancesInput{})
	automatic := netip.MustParseAddr(aws.ToString(instance.PublicIpAddress))
	if !netip.MustParsePrefix(publicCIDR).Contains(automatic) {
		t.Errorf("%s is not one of %s", automatic, publicCIDR)
	}
	allocation, public := p.allocate(t)
	must[*ec2.AssociateAddressOutput](t)(p.ec2.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{
		AllocationId: &allocation, InstanceId: instance.InstanceId,
	}))
	stopAndStart(t, p, *instance.InstanceId)
	if got := aws.ToString(p.describe(t, *instance.InstanceId).PublicIpAddress); got != public {
		t.Errorf("after a stop it has %q, want %s", got, public)
	}
}

func TestCorrection03NATGatewaysGiveBackTheirAddress(t *testing.T) {
	p := newPlace(t)
	allocation, _ := p.allocate(t)
	created := must[*ec2.CreateNatGatewayOutput](t)(p.ec2.CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{
		SubnetId: &p.subnet, AllocationId: &allocation,
	}))
	private := netip.MustParseAddr(aws.ToString(created.NatGateway.NatGatewayAddresses[0].PrivateIp))
	if !netip.MustParsePrefix("10.20.1.0/24").Contains(private) {
		t.Errorf("its private address %s is not in the subnet", private)
	}
	must[*ec2.DeleteNatGatewayOutput](t)(p.ec2.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: created.NatGateway.NatGatewayId}))
	if address := p.address(t, allocation); address.AssociationId != nil {
		t.Errorf("the elastic IP is still bound: %+v", address)
	}
	if left := p.interfaces(t); len(left) != 0 {
		t.Errorf("%d interfaces are left", len(left))
	}
}

func TestCorrection05FlowLogsMayHaveAPrefix(t *testing.T) {
	p := newPlace(t)
	bucket := "flow-" + p.vpc
	store := s3.NewFromConfig(config(), func(o *s3.Options) { o.UsePathStyle = true })
	must[*s3.CreateBucketOutput](t)(store.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	}))
	destination := "arn:aws:s3:::" + bucket + "/vpc/prod"
	made := must[*ec2.CreateFlowLogsOutput](t)(p.ec2.CreateFlowLogs(t.Context(), &ec2.CreateFlowLogsInput{
		ResourceIds: []string{p.vpc}, ResourceType: types.FlowLogsResourceTypeVpc, TrafficType: types.TrafficTypeAll,
		LogDestinationType: types.LogDestinationTypeS3, LogDestination: &destination,
	}))
	if len(made.Unsuccessful) != 0 {
		t.Fatalf("refused: %s", aws.ToString(made.Unsuccessful[0].Error.Message))
	}
	shown := must[*ec2.DescribeFlowLogsOutput](t)(p.ec2.DescribeFlowLogs(t.Context(), &ec2.DescribeFlowLogsInput{FlowLogIds: made.FlowLogIds}))
	if got := aws.ToString(shown.FlowLogs[0].LogDestination); got != destination {
		t.Errorf("it goes to %s, want %s", got, destination)
	}
}

func TestCorrection06DHCPOptionsKeepTheirTags(t *testing.T) {
	p := newPlace(t)
	made := must[*ec2.CreateDhcpOptionsOutput](t)(p.ec2.CreateDhcpOptions(t.Context(), &ec2.CreateDhcpOptionsInput{
		DhcpConfigurations: []types.NewDhcpConfiguration{{Key: aws.String("domain-name"), Values: []string{"prod.internal"}}},
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeDhcpOptions, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("prod")}},
		}},
	}))
	shown := must[*ec2.DescribeDhcpOptionsOutput](t)(p.ec2.DescribeDhcpOptions(t.Context(), &ec2.DescribeDhcpOptionsInput{
		DhcpOptionsIds: []string{*made.DhcpOptions.DhcpOptionsId},
	}))
	if tags := shown.DhcpOptions[0].Tags; len(tags) != 1 || *tags[0].Value != "prod" {
		t.Errorf("the tags are %v", tags)
	}
}

func TestRulesOfSecurityGroups(t *testing.T) {
	p := newPlace(t)
	group := p.securityGroup(t, "rules")
	permission := []types.IpPermission{{
		IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group, Description: aws.String("peers")}},
	}}
	added := must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(p.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permission}))
	permission[0].UserIdGroupPairs[0].Description = nil
	if _, err := p.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permission}); codeOf(err) != "InvalidPermission.Duplicate" {
		t.Errorf("the same rule again: %v", err)
	}
	id := added.SecurityGroupRules[0].SecurityGroupRuleId
	described := func() string {
		output := must[*ec2.DescribeSecurityGroupRulesOutput](t)(p.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{*id}}))
		return aws.ToString(output.SecurityGroupRules[0].Description)
	}
	if got := described(); got != "peers" {
		t.Errorf("the description is %q", got)
	}
	must[*ec2.ModifySecurityGroupRulesOutput](t)(p.ec2.ModifySecurityGroupRules(t.Context(), &ec2.ModifySecurityGroupRulesInput{
		GroupId: &group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: id, SecurityGroupRule: &types.SecurityGroupRuleRequest{
			IpProtocol: aws.String("-1"), ReferencedGroupId: &group, Description: aws.String("members"),
		}}},
	}))
	if got := described(); got != "members" {
		t.Errorf("the changed description is %q", got)
	}
	must[*ec2.RevokeSecurityGroupIngressOutput](t)(p.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permission}))
	for _, shown := range snapshot(t).SecurityGroups {
		if shown.ID == group && len(shown.Ingress) != 0 {
			t.Errorf("revoked without its description, it is still there: %+v", shown.Ingress)
		}
	}
}

func TestPrivateAddressesAreUnique(t *testing.T) {
	p := newPlace(t)
	instance := p.launch(t, &ec2.RunInstancesInput{PrivateIpAddress: aws.String("10.20.1.10")})
	other := p.launch(t, &ec2.RunInstancesInput{})
	for _, wanted := range []string{"10.20.1.10", "10.20.2.10"} {
		if _, err := p.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{
			SubnetId: &p.subnet, PrivateIpAddress: &wanted,
		}); err == nil {
			t.Errorf("an interface got %s", wanted)
		}
	}
	if _, err := p.ec2.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0deb1200000020251"), SubnetId: &p.subnet, PrivateIpAddress: aws.String("10.20.1.10"),
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
	}); codeOf(err) != "InvalidIPAddress.InUse" {
		t.Errorf("another instance with the same address: %v", err)
	}
	assign := func(to types.Instance, move bool) error {
		_, err := p.ec2.AssignPrivateIpAddresses(t.Context(), &ec2.AssignPrivateIpAddressesInput{
			NetworkInterfaceId: to.NetworkInterfaces[0].NetworkInterfaceId,
			PrivateIpAddresses: []string{"10.20.1.100"}, AllowReassignment: &move,
		})
		return err
	}
	if err := assign(instance, false); err != nil {
		t.Fatal(err)
	}
	if err := assign(other, false); err == nil {
		t.Error("two interfaces have the same secondary address")
	}
	if err := assign(other, true); err != nil {
		t.Fatal(err)
	}
	if got := instanceOf(t, *instance.InstanceId).PrivateAddresses; len(got) != 1 {
		t.Errorf("the old interface still has %v", got)
	}
	if got := instanceOf(t, *other.InstanceId).PrivateAddresses; !slices.Contains(got, "10.20.1.100") {
		t.Errorf("the new interface has %v", got)
	}
}

func (p place) interfaces(t *testing.T) []types.NetworkInterface {
	t.Helper()
	output := must[*ec2.DescribeNetworkInterfacesOutput](t)(p.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{p.vpc}}},
	}))
	return output.NetworkInterfaces
}

func (p place) address(t *testing.T, allocation string) types.Address {
	t.Helper()
	output := must[*ec2.DescribeAddressesOutput](t)(p.ec2.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{allocation}}))
	return output.Addresses[0]
}

func groups(identifiers []types.GroupIdentifier) []string {
	var ids []string
	for _, identifier := range identifiers {
		ids = append(ids, *identifier.GroupId)
	}
	return ids
}
