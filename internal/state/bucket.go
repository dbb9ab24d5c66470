// Package state is the state bucket of an environment: its creation, and
// what Terraform left in it, read straight from S3.
package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// Bucket is where an environment's states are.
type Bucket struct {
	Name    string
	Account string // 12 digits: the only owner that is accepted
	Region  string
	Tags    map[string]string // of the bucket and its key, set at creation

	s3  *s3.Client
	kms *kms.Client
}

// keyAlias names the key that encrypts the states of an account and region.
const keyAlias = "alias/infra-state"

// NewBucket makes no request. pathStyle is for emulators.
func NewBucket(cfg aws.Config, name, account string, pathStyle bool, tags map[string]string) *Bucket {
	return &Bucket{
		Name: name, Account: account, Region: cfg.Region, Tags: tags,
		s3:  s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = pathStyle }),
		kms: kms.NewFromConfig(cfg),
	}
}

// KeyARN is the ARN of the key's alias, known without a request.
func (b *Bucket) KeyARN() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", Partition(b.Region), b.Region, b.Account, keyAlias)
}

// Partition is the ARN partition of a region.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// Exists tells whether the bucket is there and ours. A bucket of another
// account is an error, not an absence.
func (b *Bucket) Exists(ctx context.Context) (bool, error) {
	_, err := b.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
	var response *awshttp.ResponseError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &response) && response.HTTPStatusCode() == 404:
		return false, nil
	case errors.As(err, &response) && response.HTTPStatusCode() == 403:
		return false, fault.New(fault.Refused, "open the state bucket "+b.Name,
			errors.New("it belongs to another account, or these credentials may not read it"), "set state.bucket in the environment's file to a name of your own")
	case errors.As(err, &response) && response.HTTPStatusCode() == 301:
		return false, fault.New(fault.Refused, "open the state bucket "+b.Name, errors.New("it is in another region than "+b.Region), "")
	default:
		return false, fault.New(fault.Failed, "reach S3 for the state bucket "+b.Name, b.unreachable(ctx, err), "infra doctor")
	}
}

func (b *Bucket) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if i := strings.LastIndex(err.Error(), "dial tcp"); i >= 0 {
		return errors.New(err.Error()[i:])
	}
	return err
}

// Bootstrap makes the bucket and its key, or brings what exists to the same
// settings. It returns what it did; nothing when everything was right.
func (b *Bucket) Bootstrap(ctx context.Context) ([]string, error) {
	var did []string
	exists, err := b.Exists(ctx)
	if err != nil {
		return nil, err
	}
	key, made, err := b.ensureKey(ctx)
	if err != nil {
		return nil, fault.New(fault.Failed, "make the key "+keyAlias, err, "")
	}
	if made {
		did = append(did, "made the key "+keyAlias+", rotated each year")
	}
	if !exists {
		in := &s3.CreateBucketInput{Bucket: &b.Name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
		if b.Region != "us-east-1" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.Region)}
		}
		if _, err := b.s3.CreateBucket(ctx, in); err != nil {
			return did, fault.New(fault.Failed, "make the state bucket "+b.Name, err, "set state.bucket in the environment's file to another name")
		}
		did = append(did, "made the bucket "+b.Name)
	}
	hardened, err := b.harden(ctx, key)
	if err != nil {
		return did, fault.New(fault.Failed, "harden the state bucket "+b.Name, err, "")
	}
	return append(did, hardened...), nil
}

func (b *Bucket) ensureKey(ctx context.Context) (arn string, made bool, err error) {
	found, err := b.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(keyAlias)})
	if err == nil {
		return aws.ToString(found.KeyMetadata.Arn), false, nil
	}
	var missing *kmstypes.NotFoundException
	if !errors.As(err, &missing) {
		return "", false, err
	}
	in := &kms.CreateKeyInput{Description: aws.String("Encrypts the Terraform states that infra keeps in S3")}
	for name, value := range b.Tags {
		in.Tags = append(in.Tags, kmstypes.Tag{TagKey: aws.String(name), TagValue: aws.String(value)})
	}
	created, err := b.kms.CreateKey(ctx, in)
	if err != nil {
		return "", false, err
	}
	arn = aws.ToString(created.KeyMetadata.Arn)
	if _, err := b.kms.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &arn}); err != nil {
		return "", false, err
	}
	_, err = b.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(keyAlias), TargetKeyId: &arn})
	return arn, true, err
}

// noncurrentDays is how long replaced states are kept; the newest ones are
// kept for ever.
const (
	noncurrentDays     = 365
	noncurrentVersions = 50
)

// harden sets each property that differs and names it.
func (b *Bucket) harden(ctx context.Context, key string) ([]string, error) {
	var did []string
	for _, step := range []struct {
		name  string
		right func() bool
		set   func() error
	}{
		{"versioning", func() bool {
			got, err := b.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
			return err == nil && got.Status == types.BucketVersioningStatusEnabled
		}, func() error {
			_, err := b.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
				Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			return err
		}},
		{"encryption by a KMS key", func() bool {
			got, err := b.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
			if err != nil || got.ServerSideEncryptionConfiguration == nil || len(got.ServerSideEncryptionConfiguration.Rules) == 0 {
				return false
			}
			by := got.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault
			return by != nil && by.SSEAlgorithm == types.ServerSideEncryptionAwsKms && aws.ToString(by.KMSMasterKeyID) == key
		}, func() error {
			_, err := b.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
				Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					BucketKeyEnabled:                   aws.Bool(true),
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key},
				}}},
			})
			return err
		}},
		{"no public access", func() bool {
			got, err := b.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
			if err != nil || got.PublicAccessBlockConfiguration == nil {
				return false
			}
			c := got.PublicAccessBlockConfiguration
			return aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets)
		}, func() error {
			_, err := b.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
				Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				},
			})
			return err
		}},
		{"a life cycle for replaced states", func() bool {
			got, err := b.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
			return err == nil && len(got.Rules) == 1 && aws.ToString(got.Rules[0].ID) == "replaced-states" && got.Rules[0].Status == types.ExpirationStatusEnabled
		}, func() error {
			_, err := b.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
				Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
					ID: aws.String("replaced-states"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
					NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(noncurrentDays), NewerNoncurrentVersions: aws.Int32(noncurrentVersions)},
					AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)},
				}}},
			})
			return err
		}},
		{"TLS only", func() bool {
			got, err := b.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
			return err == nil && sameJSON(aws.ToString(got.Policy), b.policy())
		}, func() error {
			_, err := b.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account, Policy: aws.String(b.policy())})
			return err
		}},
	} {
		if step.right() {
			continue
		}
		if err := step.set(); err != nil {
			return did, fmt.Errorf("%s: %w", step.name, err)
		}
		did = append(did, "set "+step.name)
	}
	return did, nil
}

// policy refuses every request that does not come over TLS.
func (b *Bucket) policy() string {
	arn := fmt.Sprintf("arn:%s:s3:::%s", Partition(b.Region), b.Name)
	document := map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
			"Resource":  []string{arn, arn + "/*"},
			"Condition": map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
		}},
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // plain maps of strings always marshal
	}
	return string(text)
}

func sameJSON(a, b string) bool {
	var left, right any
	if json.Unmarshal([]byte(a), &left) != nil || json.Unmarshal([]byte(b), &right) != nil {
		return false
	}
	one, err1 := json.Marshal(left)
	two, err2 := json.Marshal(right)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}
