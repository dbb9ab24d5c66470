package emulator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// tagged lists the ARNs that carry infra-run=run in a region.
func tagged(t *testing.T, in, run string, kinds ...string) []string {
	t.Helper()
	client := resourcegroupstaggingapi.NewFromConfig(config(), func(o *resourcegroupstaggingapi.Options) { o.Region = in })
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(client, &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters:          []taggingtypes.TagFilter{{Key: aws.String("infra-run"), Values: []string{run}}},
		ResourceTypeFilters: kinds, ResourcesPerPage: aws.Int32(3),
	})
	var arns []string
	for pages.HasMorePages() {
		page := must[*resourcegroupstaggingapi.GetResourcesOutput](t)(pages.NextPage(t.Context()))
		for _, resource := range page.ResourceTagMappingList {
			arns = append(arns, aws.ToString(resource.ResourceARN))
		}
	}
	return arns
}

// TestResourcesAreFoundByTag makes one of each kind that the products make and
// that moto does not list by itself.
func TestResourcesAreFoundByTag(t *testing.T) {
	const run = "20261122-120000-abcd"
	p := newPlace(t)
	key, value := aws.String("infra-run"), aws.String(run)
	specification := func(kind types.ResourceType) []types.TagSpecification {
		return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: key, Value: value}}}}
	}
	address := must[*ec2.AllocateAddressOutput](t)(p.ec2.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{
		Domain: types.DomainTypeVpc, TagSpecifications: specification(types.ResourceTypeElasticIp),
	}))
	endpoint := must[*ec2.CreateVpcEndpointOutput](t)(p.ec2.CreateVpcEndpoint(t.Context(), &ec2.CreateVpcEndpointInput{
		VpcId: &p.vpc, ServiceName: aws.String("com.amazonaws." + region + ".s3"), TagSpecifications: specification(types.ResourceTypeVpcEndpoint),
	}))
	pair := must[*ec2.CreateKeyPairOutput](t)(p.ec2.CreateKeyPair(t.Context(), &ec2.CreateKeyPairInput{
		KeyName: aws.String("tagged"), TagSpecifications: specification(types.ResourceTypeKeyPair),
	}))
	group := p.securityGroup(t, "tagged")
	rule := must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(p.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, TagSpecifications: specification(types.ResourceTypeSecurityGroupRule),
		IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(1), ToPort: aws.Int32(1), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}},
	}))
	newBucket(t, "tagged-trail")
	trail := must[*cloudtrail.CreateTrailOutput](t)(cloudtrail.NewFromConfig(config()).CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{
		Name: aws.String("tagged"), S3BucketName: aws.String("tagged-trail"), TagsList: []cloudtrailtypes.Tag{{Key: key, Value: value}},
	}))
	clusters := emr.NewFromConfig(config())
	cluster := must[*emr.RunJobFlowOutput](t)(clusters.RunJobFlow(t.Context(), &emr.RunJobFlowInput{
		Name: aws.String("tagged"), ReleaseLabel: aws.String("emr-7.13.0"), JobFlowRole: aws.String("x"), ServiceRole: aws.String("y"),
		Tags:      []emrtypes.Tag{{Key: key, Value: value}},
		Instances: &emrtypes.JobFlowInstancesConfig{KeepJobFlowAliveWhenNoSteps: aws.Bool(true), Ec2SubnetId: &p.subnet},
	}))
	identities := iam.NewFromConfig(config())
	policy := must[*iam.CreatePolicyOutput](t)(identities.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("tagged"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`), Tags: []iamtypes.Tag{{Key: key, Value: value}},
	}))
	profile := must[*iam.CreateInstanceProfileOutput](t)(identities.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{
		InstanceProfileName: aws.String("tagged"), Tags: []iamtypes.Tag{{Key: key, Value: value}},
	}))
	names := route53.NewFromConfig(config())
	zone := must[*route53.CreateHostedZoneOutput](t)(names.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("tagged.internal"), CallerReference: aws.String("tagged"),
	}))
	zoneID := strings.TrimPrefix(*zone.HostedZone.Id, "/hostedzone/")
	must[*route53.ChangeTagsForResourceOutput](t)(names.ChangeTagsForResource(t.Context(), &route53.ChangeTagsForResourceInput{
		ResourceType: r53types.TagResourceTypeHostedzone, ResourceId: &zoneID, AddTags: []r53types.Tag{{Key: key, Value: value}},
	}))
	prefix := "arn:aws:ec2:" + region + ":" + account + ":"
	regional := []string{
		prefix + "elastic-ip/" + *address.AllocationId, prefix + "vpc-endpoint/" + *endpoint.VpcEndpoint.VpcEndpointId,
		prefix + "key-pair/" + *pair.KeyPairId, prefix + "security-group-rule/" + *rule.SecurityGroupRules[0].SecurityGroupRuleId,
		*trail.TrailARN, *cluster.ClusterArn,
	}
	global := []string{*policy.Policy.Arn, *profile.InstanceProfile.Arn, "arn:aws:route53:::hostedzone/" + zoneID}
	for in, want := range map[string][]string{region: regional, "us-east-1": global} {
		got := tagged(t, in, run)
		for _, arn := range want {
			if !slices.Contains(got, arn) {
				t.Errorf("%s: %s is not listed in %v", in, arn, got)
			}
		}
		for _, arn := range global {
			if in == region && slices.Contains(got, arn) {
				t.Errorf("%s, which has no region, is listed in %s", arn, in)
			}
		}
	}
	if got := tagged(t, region, run, "ec2:key-pair"); len(got) != 1 || !strings.Contains(got[0], "key-pair/") {
		t.Errorf("of one type: %v", got)
	}
	if got := tagged(t, region, "another"); len(got) != 0 {
		t.Errorf("of another run: %v", got)
	}
}

func TestEndedInstancesAreNotFoundByTag(t *testing.T) {
	const run = "20261122-120000-ended"
	p := newPlace(t)
	instance := p.launch(t, &ec2.RunInstancesInput{TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("infra-run"), Value: aws.String(run)}},
	}}})
	if got := tagged(t, region, run); len(got) != 1 {
		t.Errorf("running: %v", got)
	}
	p.terminate(t, *instance.InstanceId)
	if got := tagged(t, region, run); len(got) != 0 {
		t.Errorf("terminated: %v", got)
	}
}
