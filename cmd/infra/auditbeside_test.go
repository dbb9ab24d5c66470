//go:build endtoend

package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// plantBeside makes what the shipped code makes nothing of, each with a fault:
// ACLs, a prefix list, a peering, a user, a queue, a managed database.
func plantBeside(t *testing.T, c *cloud) {
	t.Helper()
	plantNetworks(t, c)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	identities := iam.NewFromConfig(c.config(t))
	must(identities.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("ada")}))
	must(identities.CreateLoginProfile(t.Context(), &iam.CreateLoginProfileInput{UserName: aws.String("ada"), Password: aws.String("Correct-horse-7")}))
	must(identities.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("ada")}))
	must(sqs.NewFromConfig(c.config(t)).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("jobs"), Attributes: map[string]string{
		string(sqstypes.QueueAttributeNamePolicy): `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}`,
	}}))
	must(rds.NewFromConfig(c.config(t)).CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("ledger"), DBInstanceClass: aws.String("db.t4g.micro"), Engine: aws.String("postgres"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("root"), MasterUserPassword: aws.String("Correct-horse-7"),
		PubliclyAccessible: aws.Bool(true), StorageEncrypted: aws.Bool(false),
	}))
}

// plantNetworks lets the internet through ACLs, a prefix list's networks into a
// group, and a peer too.
func plantNetworks(t *testing.T, c *cloud) {
	t.Helper()
	client := ec2.NewFromConfig(c.config(t))
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	groups, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: aws.String("group-name"), Values: []string{"infra-cloud-bastion"}}}})
	if err != nil || len(groups.SecurityGroups) != 1 {
		t.Fatalf("the bastion's group: %v", err)
	}
	bastion := groups.SecurityGroups[0]
	for number, ports := range []*ec2types.PortRange{nil, {From: aws.Int32(20), To: aws.Int32(30)}} {
		acl, err := client.CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: bastion.VpcId})
		must(acl, err)
		protocol := map[bool]string{true: "-1", false: "6"}[ports == nil]
		must(client.CreateNetworkAclEntry(t.Context(), &ec2.CreateNetworkAclEntryInput{
			NetworkAclId: acl.NetworkAcl.NetworkAclId, Egress: aws.Bool(false), RuleNumber: aws.Int32(int32(number + 100)), Protocol: &protocol,
			CidrBlock: aws.String("0.0.0.0/0"), RuleAction: ec2types.RuleActionAllow, PortRange: ports,
		}))
	}
	list, err := client.CreateManagedPrefixList(t.Context(), &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("everybody"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(2),
		Entries: []ec2types.AddPrefixListEntry{{Cidr: aws.String("0.0.0.0/1")}, {Cidr: aws.String("128.0.0.0/1")}},
	})
	must(list, err)
	there, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.99.0.0/16")})
	must(there, err)
	peering, err := client.CreateVpcPeeringConnection(t.Context(), &ec2.CreateVpcPeeringConnectionInput{VpcId: bastion.VpcId, PeerVpcId: there.Vpc.VpcId})
	must(peering, err)
	must(client.AcceptVpcPeeringConnection(t.Context(), &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: peering.VpcPeeringConnection.VpcPeeringConnectionId}))
	must(client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: bastion.GroupId, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(5432), ToPort: aws.Int32(5432), PrefixListIds: []ec2types.PrefixListId{{PrefixListId: list.PrefixList.PrefixListId}}},
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.99.0.0/16")}}},
	}}))
}
