package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// Bootstrap makes the bucket, its key and the bucket of its access logs, or
// brings what exists to the same settings. It returns what it did; nothing
// when everything was right. A bucket of another account is refused.
func (b *Bucket) Bootstrap(ctx context.Context) ([]string, error) {
	// Both are looked at before anything is made: half a bootstrap helps nobody.
	exists, err := b.exists(ctx, b.Name)
	if err != nil {
		return nil, err
	}
	logged, err := b.exists(ctx, b.LogName())
	if err != nil {
		return nil, err
	}
	var did []string
	key, made, err := b.ensureKey(ctx)
	if err != nil {
		return nil, fault.New(fault.Failed, "make the key "+b.alias, b.unreachable(ctx, err), "")
	}
	if made {
		did = append(did, "made the key "+b.alias+", rotated each year")
	}
	for _, one := range []struct {
		name     string
		exists   bool
		settings []setting
	}{
		{b.LogName(), logged, b.logSettings()},
		{b.Name, exists, b.settings(key)},
	} {
		if !one.exists {
			if err := b.create(ctx, one.name); err != nil {
				return did, err
			}
		}
		set, err := b.harden(ctx, one.name, one.settings)
		switch names := strings.Join(set, ", "); {
		case !one.exists:
			did = append(did, "made the bucket "+one.name+" with "+names)
		case len(set) > 0:
			did = append(did, "set in the bucket "+one.name+": "+names)
		}
		if err != nil {
			return did, fault.New(fault.Failed, "harden the bucket "+one.name, b.unreachable(ctx, err), "")
		}
	}
	return did, nil
}

// LogName is the bucket that S3 writes access logs to. A name that would
// become too long for S3 is cut and told from others by a digest.
func (b *Bucket) LogName() string {
	const suffix, longest, kept = "-access-logs", 63, 40
	if len(b.Name)+len(suffix) <= longest {
		return b.Name + suffix
	}
	sum := sha256.Sum256([]byte(b.Name))
	return b.Name[:kept] + "-" + hex.EncodeToString(sum[:4]) + suffix
}

// create makes a bucket without ACLs and gives it the environment's tags.
func (b *Bucket) create(ctx context.Context, name string) error {
	op := "make the bucket " + name
	in := &s3.CreateBucketInput{Bucket: &name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
	if b.Region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.Region)}
	}
	_, err := b.s3.CreateBucket(ctx, in)
	var taken *types.BucketAlreadyExists
	var ours *types.BucketAlreadyOwnedByYou
	switch {
	case errors.As(err, &taken):
		return fault.New(fault.Refused, op, errors.New("another account has a bucket of that name"), b.rename)
	case errors.As(err, &ours): // another bootstrap was a moment earlier
	case err != nil:
		return fault.New(fault.Failed, op, b.unreachable(ctx, err), b.rename)
	}
	if len(b.Tags) == 0 {
		return nil
	}
	var tags []types.Tag
	for name, value := range b.Tags {
		tags = append(tags, types.Tag{Key: aws.String(name), Value: aws.String(value)})
	}
	_, err = b.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, ExpectedBucketOwner: &b.Account, Tagging: &types.Tagging{TagSet: tags}})
	if err != nil {
		return fault.New(fault.Failed, op, fmt.Errorf("tag it: %w", err), "")
	}
	return nil
}

func (b *Bucket) ensureKey(ctx context.Context) (arn string, made bool, err error) {
	found, err := b.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(b.alias)})
	if err == nil {
		return aws.ToString(found.KeyMetadata.Arn), false, nil
	}
	var missing *kmstypes.NotFoundException
	if !errors.As(err, &missing) {
		return "", false, err
	}
	in := &kms.CreateKeyInput{Description: aws.String(b.purpose)}
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
	_, err = b.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(b.alias), TargetKeyId: &arn})
	return arn, true, err
}
