package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// setting is one property of a bucket: whether it is right, and how to make
// it so. What cannot be read counts as wrong; setting it then says why.
type setting struct {
	name  string
	right func(ctx context.Context, bucket string) bool
	set   func(ctx context.Context, bucket string) error
}

// How long things are kept, in days. The newest states are kept for ever.
const (
	noncurrentDays     = 365 // replaced states
	noncurrentVersions = 50  // of them, at least so many
	leaseDays          = 1   // replaced leases: there is one each ten seconds of a run
	bundleDays         = 30  // plans kept for approval; they hold secrets
	logDays            = 365 // access logs
)

// stateSettings are those of the state bucket; key is the KMS key's ARN.
func (b *Bucket) stateSettings(key string) []setting {
	return []setting{
		b.versioning(), b.encryption(types.ServerSideEncryptionAwsKms, key), b.noPublicAccess(), b.noACLs(),
		b.lifecycle("a life cycle for replaced states",
			expiring(types.LifecycleRule{ID: aws.String("replaced-states"), NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{
				NoncurrentDays: aws.Int32(noncurrentDays), NewerNoncurrentVersions: aws.Int32(noncurrentVersions),
			}}, ""),
			expiring(types.LifecycleRule{ID: aws.String("replaced-leases"), NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{
				NoncurrentDays: aws.Int32(leaseDays),
			}}, "leases/"),
			expiring(types.LifecycleRule{
				ID: aws.String("old-plans"), Expiration: &types.LifecycleExpiration{Days: aws.Int32(bundleDays)},
				NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(leaseDays)},
			}, "bundles/")),
		b.rules("TLS only and no deletion but of locks", b.statePolicy()),
		b.accessLogs(),
	}
}

// logSettings are those of the bucket that S3 writes access logs to. S3 can
// deliver them only where encryption is by S3's own keys.
func (b *Bucket) logSettings() []setting {
	return []setting{
		b.versioning(), b.encryption(types.ServerSideEncryptionAes256, ""), b.noPublicAccess(), b.noACLs(),
		b.lifecycle("a life cycle for access logs", expiring(types.LifecycleRule{
			ID: aws.String("old-logs"), Expiration: &types.LifecycleExpiration{Days: aws.Int32(logDays)},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(leaseDays)},
		}, "")),
		b.rules("TLS only and no deletion", b.logPolicy()),
	}
}

// harden sets each property that differs and names it.
func (b *Bucket) harden(ctx context.Context, bucket string, settings []setting) ([]string, error) {
	var did []string
	for _, s := range settings {
		if s.right(ctx, bucket) {
			continue
		}
		if err := s.set(ctx, bucket); err != nil {
			return did, fmt.Errorf("%s: %w", s.name, err)
		}
		did = append(did, s.name)
	}
	return did, nil
}

func (b *Bucket) versioning() setting {
	return setting{"versioning", func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		return err == nil && got.Status == types.BucketVersioningStatusEnabled
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		return err
	}}
}

func (b *Bucket) encryption(by types.ServerSideEncryption, key string) setting {
	return setting{"encryption by " + string(by), func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		if err != nil || got.ServerSideEncryptionConfiguration == nil || len(got.ServerSideEncryptionConfiguration.Rules) == 0 {
			return false
		}
		now := got.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault
		return now != nil && now.SSEAlgorithm == by && aws.ToString(now.KMSMasterKeyID) == key
	}, func(ctx context.Context, bucket string) error {
		rule := types.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: by}}
		if key != "" {
			rule.BucketKeyEnabled, rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID = aws.Bool(true), &key
		}
		_, err := b.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account,
			ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}},
		})
		return err
	}}
}

func (b *Bucket) noPublicAccess() setting {
	return setting{"no public access", func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		if err != nil || got.PublicAccessBlockConfiguration == nil {
			return false
		}
		c := got.PublicAccessBlockConfiguration
		return aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets)
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
			},
		})
		return err
	}}
}

func (b *Bucket) noACLs() setting {
	return setting{"no ACLs", func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		return err == nil && got.OwnershipControls != nil && len(got.OwnershipControls.Rules) == 1 &&
			got.OwnershipControls.Rules[0].ObjectOwnership == types.ObjectOwnershipBucketOwnerEnforced
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account,
			OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}},
		})
		return err
	}}
}

func (b *Bucket) accessLogs() setting {
	prefix := b.Name + "/"
	return setting{"access logs", func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		return err == nil && got.LoggingEnabled != nil && aws.ToString(got.LoggingEnabled.TargetBucket) == b.LogName() &&
			aws.ToString(got.LoggingEnabled.TargetPrefix) == prefix
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account,
			BucketLoggingStatus: &types.BucketLoggingStatus{LoggingEnabled: &types.LoggingEnabled{TargetBucket: aws.String(b.LogName()), TargetPrefix: &prefix}},
		})
		return err
	}}
}

// expiring completes a rule of a life cycle for the objects below prefix.
func expiring(rule types.LifecycleRule, prefix string) types.LifecycleRule {
	rule.Status, rule.Filter = types.ExpirationStatusEnabled, &types.LifecycleRuleFilter{Prefix: &prefix}
	rule.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}
	return rule
}

func (b *Bucket) lifecycle(name string, rules ...types.LifecycleRule) setting {
	return setting{name, func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		return err == nil && slices.Equal(told(got.Rules), told(rules))
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &bucket, ExpectedBucketOwner: &b.Account, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
		})
		return err
	}}
}

// told writes what the rules of a life cycle do, so that two can be compared:
// S3 gives back some of what it was given in another form.
func told(rules []types.LifecycleRule) []string {
	var lines []string
	for _, r := range rules {
		prefix, days, kept, whole := "", int32(0), int32(0), int32(0)
		if r.Filter != nil {
			prefix = aws.ToString(r.Filter.Prefix)
		}
		if n := r.NoncurrentVersionExpiration; n != nil {
			days, kept = aws.ToInt32(n.NoncurrentDays), aws.ToInt32(n.NewerNoncurrentVersions)
		}
		if e := r.Expiration; e != nil {
			whole = aws.ToInt32(e.Days)
		}
		lines = append(lines, fmt.Sprintf("%s %s %q noncurrent %d kept %d all %d", aws.ToString(r.ID), r.Status, prefix, days, kept, whole))
	}
	slices.SortFunc(lines, cmp.Compare)
	return lines
}
