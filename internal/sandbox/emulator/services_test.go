package emulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/sandbox/emulator"
)

func newBucket(t *testing.T, name string) *s3.Client {
	t.Helper()
	client := s3.NewFromConfig(config(), func(o *s3.Options) { o.UsePathStyle = true })
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	}))
	return client
}

func TestCorrection08TrailsAreKnownByARN(t *testing.T) {
	newBucket(t, "trail-logs")
	client := cloudtrail.NewFromConfig(config())
	made := must[*cloudtrail.CreateTrailOutput](t)(client.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{
		Name: aws.String("audit"), S3BucketName: aws.String("trail-logs"),
	}))
	logging := func() bool {
		status := must[*cloudtrail.GetTrailStatusOutput](t)(client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: made.TrailARN}))
		return aws.ToBool(status.IsLogging)
	}
	must[*cloudtrail.CreateTrailOutput](t)(client.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{
		Name: aws.String("other"), S3BucketName: aws.String("trail-logs"), IsMultiRegionTrail: aws.Bool(true),
	}))
	named := must[*cloudtrail.DescribeTrailsOutput](t)(client.DescribeTrails(t.Context(), &cloudtrail.DescribeTrailsInput{TrailNameList: []string{*made.TrailARN}}))
	if len(named.TrailList) != 1 || *named.TrailList[0].TrailARN != *made.TrailARN {
		t.Errorf("asked for one trail, got %+v", named.TrailList)
	}
	must[*cloudtrail.DeleteTrailOutput](t)(client.DeleteTrail(t.Context(), &cloudtrail.DeleteTrailInput{Name: aws.String("other")}))
	must[*cloudtrail.StartLoggingOutput](t)(client.StartLogging(t.Context(), &cloudtrail.StartLoggingInput{Name: made.TrailARN}))
	if !logging() {
		t.Error("it does not log after a start by ARN")
	}
	must[*cloudtrail.UpdateTrailOutput](t)(client.UpdateTrail(t.Context(), &cloudtrail.UpdateTrailInput{Name: made.TrailARN, EnableLogFileValidation: aws.Bool(true)}))
	must[*cloudtrail.StopLoggingOutput](t)(client.StopLogging(t.Context(), &cloudtrail.StopLoggingInput{Name: made.TrailARN}))
	if logging() {
		t.Error("it logs after a stop by ARN")
	}
	must[*cloudtrail.DeleteTrailOutput](t)(client.DeleteTrail(t.Context(), &cloudtrail.DeleteTrailInput{Name: made.TrailARN}))
	left := must[*cloudtrail.DescribeTrailsOutput](t)(client.DescribeTrails(t.Context(), &cloudtrail.DescribeTrailsInput{}))
	if len(left.TrailList) != 0 {
		t.Errorf("%d trails are left", len(left.TrailList))
	}
}

func TestCorrection09AZoneWithAVPCIsPrivate(t *testing.T) {
	p := newPlace(t)
	client := route53.NewFromConfig(config())
	made := must[*route53.CreateHostedZoneOutput](t)(client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("prod.internal"), CallerReference: aws.String(p.vpc),
		VPC: &r53types.VPC{VPCId: &p.vpc, VPCRegion: r53types.VPCRegionEuWest1},
	}))
	shown := must[*route53.GetHostedZoneOutput](t)(client.GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: made.HostedZone.Id}))
	if !shown.HostedZone.Config.PrivateZone || len(shown.VPCs) != 1 {
		t.Errorf("the zone is %+v with %d VPCs", shown.HostedZone.Config, len(shown.VPCs))
	}
	must[*route53.ChangeResourceRecordSetsOutput](t)(client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: made.HostedZone.Id,
		ChangeBatch: &r53types.ChangeBatch{Changes: []r53types.Change{{
			Action: r53types.ChangeActionUpsert,
			ResourceRecordSet: &r53types.ResourceRecordSet{
				Name: aws.String("db.prod.internal"), Type: r53types.RRTypeA, TTL: aws.Int64(5),
				ResourceRecords: []r53types.ResourceRecord{{Value: aws.String("10.20.1.10")}},
			},
		}}},
	}))
	for _, zone := range snapshot(t).DNSZones {
		if zone.Name != "prod.internal" {
			continue
		}
		for _, record := range zone.Records {
			if record.Name == "db.prod.internal" {
				if record.TTL != 5 || len(record.Values) != 1 || record.Values[0] != "10.20.1.10" || zone.VPCs[0] != p.vpc {
					t.Errorf("the snapshot has %+v in %+v", record, zone.VPCs)
				}
				return
			}
		}
	}
	t.Error("the snapshot has no such record")
}

func TestCorrection10EMR(t *testing.T) {
	p := newPlace(t)
	client := emr.NewFromConfig(config())
	limits := &emrtypes.ManagedScalingPolicy{ComputeLimits: &emrtypes.ComputeLimits{
		UnitType: emrtypes.ComputeLimitsUnitTypeInstances, MinimumCapacityUnits: aws.Int32(1), MaximumCapacityUnits: aws.Int32(4),
	}}
	made := must[*emr.RunJobFlowOutput](t)(client.RunJobFlow(t.Context(), &emr.RunJobFlowInput{
		LogUri: aws.String("s3://logs/"), LogEncryptionKmsKeyId: aws.String("arn:aws:kms:eu-west-1:111122223333:key/one"), ScaleDownBehavior: emrtypes.ScaleDownBehaviorTerminateAtInstanceHour,
		Name: aws.String("blue"), ReleaseLabel: aws.String("emr-7.13.0"), ServiceRole: aws.String("service"), JobFlowRole: aws.String("hosts"),
		Instances: &emrtypes.JobFlowInstancesConfig{
			Ec2SubnetId: &p.subnet, KeepJobFlowAliveWhenNoSteps: aws.Bool(true),
			InstanceGroups: []emrtypes.InstanceGroupConfig{
				{InstanceRole: emrtypes.InstanceRoleTypeMaster, InstanceCount: aws.Int32(1), InstanceType: aws.String("m6i.xlarge")},
				{InstanceRole: emrtypes.InstanceRoleTypeCore, InstanceCount: aws.Int32(2), InstanceType: aws.String("m6i.xlarge")},
			},
		},
		AutoTerminationPolicy: &emrtypes.AutoTerminationPolicy{IdleTimeout: aws.Int64(3600)},
	}))
	id := made.JobFlowId
	cluster := func() *emrtypes.Cluster {
		return must[*emr.DescribeClusterOutput](t)(client.DescribeCluster(t.Context(), &emr.DescribeClusterInput{ClusterId: id})).Cluster
	}
	if got := cluster().Status.State; got != emrtypes.ClusterStateStarting {
		t.Errorf("at once it is %s", got)
	}
	eventually(t, "it waits", func() bool { return cluster().Status.State == emrtypes.ClusterStateWaiting })
	if shown := cluster(); aws.ToString(shown.LogEncryptionKmsKeyId) == "" || shown.ScaleDownBehavior != emrtypes.ScaleDownBehaviorTerminateAtInstanceHour {
		t.Errorf("its logs have key %q, it scales down by %s", aws.ToString(shown.LogEncryptionKmsKeyId), shown.ScaleDownBehavior)
	}
	if name := aws.ToString(cluster().MasterPublicDnsName); !strings.HasPrefix(name, "ip-10-20-1-") {
		t.Errorf("the primary is called %q", name)
	}

	idle := must[*emr.GetAutoTerminationPolicyOutput](t)(client.GetAutoTerminationPolicy(t.Context(), &emr.GetAutoTerminationPolicyInput{ClusterId: id}))
	if idle.AutoTerminationPolicy == nil || *idle.AutoTerminationPolicy.IdleTimeout != 3600 {
		t.Errorf("the auto-termination policy is %+v", idle.AutoTerminationPolicy)
	}
	must[*emr.PutManagedScalingPolicyOutput](t)(client.PutManagedScalingPolicy(t.Context(), &emr.PutManagedScalingPolicyInput{ClusterId: id, ManagedScalingPolicy: limits}))
	scaling := must[*emr.GetManagedScalingPolicyOutput](t)(client.GetManagedScalingPolicy(t.Context(), &emr.GetManagedScalingPolicyInput{ClusterId: id}))
	if scaling.ManagedScalingPolicy == nil || *scaling.ManagedScalingPolicy.ComputeLimits.MaximumCapacityUnits != 4 {
		t.Errorf("the scaling policy is %+v", scaling.ManagedScalingPolicy)
	}
	must[*emr.RemoveManagedScalingPolicyOutput](t)(client.RemoveManagedScalingPolicy(t.Context(), &emr.RemoveManagedScalingPolicyInput{ClusterId: id}))

	added := must[*emr.AddInstanceGroupsOutput](t)(client.AddInstanceGroups(t.Context(), &emr.AddInstanceGroupsInput{
		JobFlowId: id, InstanceGroups: []emrtypes.InstanceGroupConfig{
			{InstanceRole: emrtypes.InstanceRoleTypeTask, InstanceCount: aws.Int32(1), InstanceType: aws.String("m6i.xlarge")},
		},
	}))
	if len(added.InstanceGroupIds) != 1 {
		t.Fatalf("the new groups are %v", added.InstanceGroupIds)
	}
	must[*emr.ModifyInstanceGroupsOutput](t)(client.ModifyInstanceGroups(t.Context(), &emr.ModifyInstanceGroupsInput{
		ClusterId: id, InstanceGroups: []emrtypes.InstanceGroupModifyConfig{{InstanceGroupId: &added.InstanceGroupIds[0], InstanceCount: aws.Int32(3)}},
	}))
	types := must[*emr.ListSupportedInstanceTypesOutput](t)(client.ListSupportedInstanceTypes(t.Context(), &emr.ListSupportedInstanceTypesInput{ReleaseLabel: aws.String("emr-7.13.0")}))
	if len(types.SupportedInstanceTypes) == 0 {
		t.Error("no instance type is supported")
	}

	alive := func() (count int) {
		for _, instance := range snapshot(t).Instances {
			if instance.EMRCluster == *id && instance.State == emulator.Running {
				count++
				if instance.Subnet != p.subnet {
					t.Errorf("%s is in %s", instance.ID, instance.Subnet)
				}
			}
		}
		return count
	}
	// The SDK may have asked for the group of one twice; what counts is that every instance asked for is there.
	want, tasks := 0, 0
	for _, group := range must[*emr.ListInstanceGroupsOutput](t)(client.ListInstanceGroups(t.Context(), &emr.ListInstanceGroupsInput{ClusterId: id})).InstanceGroups {
		want += int(aws.ToInt32(group.RequestedInstanceCount))
		if aws.ToString(group.Id) == added.InstanceGroupIds[0] {
			tasks = int(aws.ToInt32(group.RequestedInstanceCount))
		}
	}
	if got := alive(); got != want || tasks != 3 || want < 6 {
		t.Errorf("%d instances run of %d, %d in the new group", got, want, tasks)
	}
	must[*emr.TerminateJobFlowsOutput](t)(client.TerminateJobFlows(t.Context(), &emr.TerminateJobFlowsInput{JobFlowIds: []string{*id}}))
	if got := cluster().Status.State; got != emrtypes.ClusterStateTerminating {
		t.Errorf("just terminated it is %s", got)
	}
	eventually(t, "it is terminated", func() bool { return cluster().Status.State == emrtypes.ClusterStateTerminated })
	if got := alive(); got != 0 {
		t.Errorf("%d instances still run", got)
	}
}

func TestLogTargetsMayHaveAnyPolicy(t *testing.T) {
	client := newBucket(t, "access-logs")
	newBucket(t, "logged")
	must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: aws.String("access-logs"), Policy: aws.String(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::access-logs/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},
			{"Effect":"Allow","Principal":{"Service":["logging.s3.amazonaws.com"]},"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::access-logs/*"]}]}`),
	}))
	must[*s3.PutBucketLoggingOutput](t)(client.PutBucketLogging(t.Context(), &s3.PutBucketLoggingInput{
		Bucket: aws.String("logged"), BucketLoggingStatus: &s3types.BucketLoggingStatus{
			LoggingEnabled: &s3types.LoggingEnabled{TargetBucket: aws.String("access-logs"), TargetPrefix: aws.String("s3/")},
		},
	}))
}

func TestCorrection10SecurityConfigurationsAreListed(t *testing.T) {
	client := emr.NewFromConfig(config())
	must[*emr.CreateSecurityConfigurationOutput](t)(client.CreateSecurityConfiguration(t.Context(), &emr.CreateSecurityConfigurationInput{
		Name: aws.String("listed"), SecurityConfiguration: aws.String("{}"),
	}))
	out := must[*emr.ListSecurityConfigurationsOutput](t)(client.ListSecurityConfigurations(t.Context(), &emr.ListSecurityConfigurationsInput{}))
	for _, found := range out.SecurityConfigurations {
		if aws.ToString(found.Name) == "listed" && time.Since(aws.ToTime(found.CreationDateTime)) < time.Hour {
			return
		}
	}
	t.Errorf("it is not listed: %v", out.SecurityConfigurations)
}

func TestLifeCyclesAreKeptWhole(t *testing.T) {
	const bucket = "life-cycle"
	client := newBucket(t, bucket)
	want := s3types.LifecycleRule{
		ID: aws.String("replaced"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("")},
		NoncurrentVersionExpiration: &s3types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(365), NewerNoncurrentVersions: aws.Int32(50)},
	}
	plain := s3types.LifecycleRule{
		ID: aws.String("plain"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("leases/")},
		NoncurrentVersionExpiration: &s3types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(1)},
	}
	must[*s3.PutBucketLifecycleConfigurationOutput](t)(client.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: aws.String(bucket), LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: []s3types.LifecycleRule{want, plain}},
	}))
	got := must[*s3.GetBucketLifecycleConfigurationOutput](t)(client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String(bucket)})).Rules
	if len(got) != 2 || aws.ToInt32(got[0].NoncurrentVersionExpiration.NewerNoncurrentVersions) != 50 || got[1].NoncurrentVersionExpiration.NewerNoncurrentVersions != nil {
		t.Errorf("rules are %+v", got)
	}
}
