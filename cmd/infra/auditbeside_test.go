package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"infra/internal/audit"
	"infra/internal/survey"
)

// TestSurvey makes in a network what the shipped code makes nothing of, and
// judges what the survey sees of it. TestAudit does so beside the whole platform.
func TestSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	c := newCloud(t)
	client := ec2.NewFromConfig(c.config(t))
	here, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.98.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("infra-cloud-bastion"), Description: aws.String("bastion"), VpcId: here.Vpc.VpcId,
	}); err != nil {
		t.Fatal(err)
	}
	plantBeside(t, c)
	facts := &audit.Facts{Environment: "cloud", Account: cloudAccount, Now: time.Now()}
	if err := survey.Take(t.Context(), c.config(t), survey.Scope{Environment: "cloud", VPC: aws.ToString(here.Vpc.VpcId), PathStyle: true}, facts); err != nil || len(facts.Unasked) > 0 {
		t.Fatalf("%v, %+v", err, facts.Unasked)
	}
	found := map[string]string{}
	for _, f := range audit.Judge(facts, nil) {
		found[f.Rule] += f.Resource + ": " + f.Detail + "\n"
	}
	for _, rule := range []string{
		"acl-all-internet", "acl-admin-internet", "user-mfa", "root-mfa", "ingress-data-internet",
		"message-public", "database-public", "database-unencrypted", "unwatched-database",
	} {
		if found[rule] == "" {
			t.Errorf("%s finds nothing", rule)
		}
	}
	if t.Failed() {
		t.Logf("found %v", found)
	}
	if !slices.Equal(facts.VPC.Peers, []netip.Prefix{netip.MustParsePrefix("10.99.0.0/16")}) {
		t.Errorf("peers are %v", facts.VPC.Peers)
	}
	at := slices.IndexFunc(facts.Principals, func(p audit.Principal) bool { return p.ID == "ada" })
	if at < 0 || !facts.Principals[at].Console || facts.Principals[at].MFA || len(facts.Principals[at].Keys) != 1 || !facts.Principals[at].Keys[0].Active {
		t.Errorf("ada is not as she was made: %+v", facts.Principals)
	}
}

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
	for _, ports := range []*ec2types.PortRange{nil, {From: aws.Int32(20), To: aws.Int32(30)}} {
		acl, err := client.CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: bastion.VpcId})
		must(acl, err)
		protocol := map[bool]string{true: "-1", false: "6"}[ports == nil]
		must(client.CreateNetworkAclEntry(t.Context(), &ec2.CreateNetworkAclEntryInput{
			NetworkAclId: acl.NetworkAcl.NetworkAclId, Egress: aws.Bool(false), RuleNumber: aws.Int32(100), Protocol: &protocol,
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
