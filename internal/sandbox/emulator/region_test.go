package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// A lost region takes everything in it along, its buckets too; what is in
// another one stays, copies of what was lost among it.
func TestALostRegion(t *testing.T) {
	const other = "ap-southeast-2"
	p := newPlace(t)
	p.launch(t, &ec2.RunInstancesInput{})
	away := config()
	away.Region = other
	there := must[*ec2.CreateVpcOutput](t)(ec2.NewFromConfig(away).CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.21.0.0/16")}))
	secret := must[*secretsmanager.CreateSecretOutput](t)(secretsmanager.NewFromConfig(config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("lost"), SecretString: aws.String("kept"), AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String(other)}},
	}))
	for bucket, at := range map[string]string{"lost-here": region, "lost-there": other} {
		cfg := config()
		cfg.Region = at
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(at)},
		}))
	}
	if err := shared.Client().LoseRegion(t.Context(), region); err != nil {
		t.Fatal(err)
	}
	left := snapshot(t)
	if len(left.Instances) != 0 {
		t.Errorf("instances are left: %+v", left.Instances)
	}
	for _, vpc := range left.VPCs {
		if vpc.Region == region {
			t.Errorf("a network is left: %+v", vpc)
		}
	}
	must[*ec2.DescribeVpcsOutput](t)(ec2.NewFromConfig(away).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{*there.Vpc.VpcId}}))
	buckets := must[*s3.ListBucketsOutput](t)(s3.NewFromConfig(away, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(t.Context(), &s3.ListBucketsInput{}))
	names := map[string]bool{}
	for _, b := range buckets.Buckets {
		names[*b.Name] = true
	}
	if names["lost-here"] || !names["lost-there"] {
		t.Errorf("buckets: %v", names)
	}
	if _, err := secretsmanager.NewFromConfig(config()).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: secret.ARN}); err == nil {
		t.Error("the secret is still in the lost region")
	}
	replica := must[*secretsmanager.GetSecretValueOutput](t)(secretsmanager.NewFromConfig(away).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("lost")}))
	if *replica.SecretString != "kept" {
		t.Errorf("its copy says %s", *replica.SecretString)
	}
	newPlace(t) // it can be used again
}
