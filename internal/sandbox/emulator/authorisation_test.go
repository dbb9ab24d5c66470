package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"infra/internal/sandbox/emulator"
)

func TestCorrection12ConditionsOfBucketPolicies(t *testing.T) {
	const bucket = "conditions"
	client := newBucket(t, bucket)
	put := func(encryption s3types.ServerSideEncryption) error {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("state"), Body: strings.NewReader("{}"), ServerSideEncryption: encryption,
			SSEKMSKeyId: keyFor(encryption),
		})
		return err
	}
	for name, test := range map[string]struct {
		policy          string
		plain, withKeys bool
	}{
		"TLS only":        {`"Effect":"Deny","Action":"s3:*","Condition":{"Bool":{"aws:SecureTransport":"false"}}`, true, true},
		"KMS only":        {`"Effect":"Deny","Action":"s3:PutObject","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}`, false, true},
		"no keys":         {`"Effect":"Deny","Action":"s3:PutObject","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"},"Null":{"s3:x-amz-server-side-encryption":"false"}}`, true, false},
		"if exists":       {`"Effect":"Deny","Action":"s3:PutObject","Condition":{"StringNotEqualsIfExists":{"s3:x-amz-server-side-encryption":"aws:kms"}}`, false, true},
		"nobody":          {`"Effect":"Deny","Action":"s3:PutObject"`, false, false},
		"another account": {`"Effect":"Deny","Action":"s3:*","Condition":{"StringEquals":{"aws:PrincipalAccount":"999988887777"}}`, true, true},
		"own account":     {`"Effect":"Deny","Action":"s3:*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"` + account + `"}}`, true, true},
		"allow elsewhere": {`"Effect":"Allow","Action":"s3:*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, true, true},
	} {
		document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"one","Principal":"*","Resource":"arn:aws:s3:::%s/*",%s}]}`, bucket, test.policy)
		must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &document}))
		if err := put(""); (err == nil) != test.plain {
			t.Errorf("%s, without encryption: %v", name, err)
		}
		if err := put(s3types.ServerSideEncryptionAwsKms); (err == nil) != test.withKeys {
			t.Errorf("%s, with a key: %v", name, err)
		}
	}
}

// keyFor names a key by its alias, as infra's state bucket is written.
func keyFor(encryption s3types.ServerSideEncryption) *string {
	if encryption != s3types.ServerSideEncryptionAwsKms {
		return nil
	}
	return aws.String("arn:aws:kms:" + region + ":" + account + ":alias/infra-state")
}

func TestCorrection13AuthorisationWithoutSignatures(t *testing.T) {
	client := iam.NewFromConfig(config())
	must[*iam.CreateUserOutput](t)(client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("reader")}))
	must[*iam.PutUserPolicyOutput](t)(client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: aws.String("reader"), PolicyName: aws.String("read"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}`),
	}))
	key := must[*iam.CreateAccessKeyOutput](t)(client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("reader")}))
	reader := ec2.NewFromConfig(configFor(*key.AccessKey.AccessKeyId, "not the secret", ""))

	authoriseFrom(t, "0")
	defer authoriseFrom(t, "inf")
	if _, err := reader.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	if _, err := reader.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.99.0.0/16")}); err == nil {
		t.Error("what is not allowed works")
	}
}

// authoriseFrom switches moto's authorisation on after a number of calls.
func authoriseFrom(t *testing.T, calls string) {
	t.Helper()
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, shared.Client().Endpoint()+"/moto-api/reset-auth", strings.NewReader(calls)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", response.Status, err)
	}
}

func TestCorrection13AHostMayFenceItsOwnClusterOnly(t *testing.T) {
	p := newPlace(t)
	client := iam.NewFromConfig(config())
	must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("database"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`),
	}))
	must[*iam.PutRolePolicyOutput](t)(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("database"), PolicyName: aws.String("fence"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"},
			{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"ec2:ResourceTag/Cluster":"prod"}}},
			{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::backups","Condition":{"StringLike":{"s3:prefix":"prod/*"}}},
			{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::backups/prod/*"}]}`),
	}))
	profile := must[*iam.CreateInstanceProfileOutput](t)(client.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("database")}))
	must[*iam.AddRoleToInstanceProfileOutput](t)(client.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{
		InstanceProfileName: aws.String("database"), RoleName: aws.String("database"),
	}))
	launch := func(cluster string) string {
		instance := p.launch(t, &ec2.RunInstancesInput{
			IamInstanceProfile: &types.IamInstanceProfileSpecification{Arn: profile.InstanceProfile.Arn},
			TagSpecifications: []types.TagSpecification{{
				ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Cluster"), Value: &cluster}},
			}},
		})
		return *instance.InstanceId
	}
	own, peer, stranger := launch("prod"), launch("prod"), launch("staging")
	if got := instanceOf(t, own); got.RoleName != "database" || got.ProfileARN != *profile.InstanceProfile.Arn {
		t.Errorf("the snapshot has role %q, profile %q", got.RoleName, got.ProfileARN)
	}
	given := must[emulator.Credentials](t)(shared.Client().InstanceCredentials(t.Context(), own))
	host := ec2.NewFromConfig(configFor(given.AccessKeyID, given.SecretAccessKey, given.Token))
	stop := func(id string) error {
		_, err := host.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}, Force: aws.Bool(true)})
		return err
	}
	if _, err := host.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{}); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := stop(stranger); err == nil {
		t.Error("it stopped another cluster's host")
	}
	if err := stop(peer); err != nil {
		t.Errorf("its own cluster's host: %v", err)
	}
	if _, err := host.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{peer}}); err == nil {
		t.Error("it terminated a host")
	}
	newBucket(t, "backups")
	store := s3.NewFromConfig(configFor(given.AccessKeyID, given.SecretAccessKey, given.Token), func(o *s3.Options) { o.UsePathStyle = true })
	for prefix, allowed := range map[string]bool{"prod/": true, "staging/": false} {
		_, put := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("backups"), Key: aws.String(prefix + "wal"), Body: strings.NewReader("x")})
		_, list := store.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("backups"), Prefix: aws.String(prefix + "x")})
		if (put == nil) != allowed || (list == nil) != allowed {
			t.Errorf("%s: put %v, list %v", prefix, put, list)
		}
	}
}

func TestAccountsAreSeparate(t *testing.T) {
	p := newPlace(t)
	own := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(config()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))
	if *own.Account != account {
		t.Errorf("the account is %s", *own.Account)
	}
	assumed := must[*sts.AssumeRoleOutput](t)(sts.NewFromConfig(config()).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::999988887777:role/infra-apply"), RoleSessionName: aws.String("test"),
	}))
	other := configFor(*assumed.Credentials.AccessKeyId, *assumed.Credentials.SecretAccessKey, *assumed.Credentials.SessionToken)
	identity := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(other).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))
	if *identity.Account != "999988887777" {
		t.Errorf("the assumed account is %s", *identity.Account)
	}
	if _, err := ec2.NewFromConfig(other).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{p.vpc}}); err == nil {
		t.Error("the other account sees the VPC")
	}
}

func TestManagedPoliciesExist(t *testing.T) {
	if _, err := iam.NewFromConfig(config()).GetPolicy(t.Context(), &iam.GetPolicyInput{
		PolicyArn: aws.String("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"),
	}); err != nil {
		t.Error(err)
	}
}
