package survey

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/audit"
)

// bucketsAtOnce asks for the regions of buckets too, which S3 gives only with a
// page's size.
const bucketsAtOnce = 1000

// buckets are those of the account in the environment's region.
func (s *surveyor) buckets(ctx context.Context) error {
	client := s3.NewFromConfig(s.aws, func(o *s3.Options) { o.UsePathStyle = s.PathStyle })
	// The block of the whole account answers under a host of the account's own,
	// which an emulator has not: here the state says whether it is there.
	_, s.facts.AccountBlock = s.Managed[audit.Thing{Type: "aws_s3_account_public_access_block", ID: s.facts.Account}.Key()]
	var found []audit.Bucket
	pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{MaxBuckets: aws.Int32(bucketsAtOnce)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, b := range page.Buckets {
			if region := aws.ToString(b.BucketRegion); region == "" || region == s.aws.Region {
				found = append(found, audit.Bucket{Thing: audit.Thing{Type: "aws_s3_bucket", ID: aws.ToString(b.Name)}})
			}
		}
	}
	keep := make([]bool, len(found))
	places := map[string]int{}
	for i, b := range found {
		places[b.ID] = i
	}
	err := side(ctx, found, func(ctx context.Context, b *audit.Bucket) (err error) {
		keep[places[b.ID]], err = s.bucket(ctx, client, b)
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range found {
		if at, ours := places[b.LogsTo]; ours && b.LogsTo != "" {
			found[at].LogsOf = true
		}
	}
	for i, b := range found {
		if keep[i] {
			s.facts.Buckets = append(s.facts.Buckets, b)
		}
	}
	return nil
}

// bucket fills in one bucket; false when it is another environment's.
func (s *surveyor) bucket(ctx context.Context, client *s3.Client, b *audit.Bucket) (bool, error) {
	tagged, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &b.ID})
	if err != nil && !isError(err, "NoSuchTagSet") {
		return false, err
	}
	tags := map[string]string{}
	if err == nil {
		tags = tagsOf(tagged.TagSet, func(t types.Tag) (key, value *string) { return t.Key, t.Value })
	}
	if !s.concerns(b.Thing, tags) {
		return false, nil
	}
	policy, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.ID})
	if err == nil {
		b.Policy, err = audit.ParsePolicy(aws.ToString(policy.Policy))
	}
	if err != nil && !isError(err, "NoSuchBucketPolicy") {
		return false, err
	}
	block, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.ID})
	if err != nil && !isError(err, "NoSuchPublicAccessBlockConfiguration") {
		return false, err
	}
	if err == nil && block.PublicAccessBlockConfiguration != nil {
		c := block.PublicAccessBlockConfiguration
		b.Blocked = aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets)
	}
	return true, s.bucketKeeping(ctx, client, b)
}

// bucketKeeping is how a bucket's objects are kept, and who used them.
func (s *surveyor) bucketKeeping(ctx context.Context, client *s3.Client, b *audit.Bucket) error {
	acl, err := client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &b.ID})
	if err != nil {
		return err
	}
	for _, g := range acl.Grants {
		if g.Grantee != nil && (strings.HasSuffix(aws.ToString(g.Grantee.URI), "/global/AllUsers") || strings.HasSuffix(aws.ToString(g.Grantee.URI), "/global/AuthenticatedUsers")) {
			b.OpenACL = true
		}
	}
	encryption, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &b.ID})
	if err != nil && !isError(err, "ServerSideEncryptionConfigurationNotFoundError") {
		return err
	}
	if err == nil && encryption.ServerSideEncryptionConfiguration != nil {
		for _, r := range encryption.ServerSideEncryptionConfiguration.Rules {
			if r.ApplyServerSideEncryptionByDefault != nil {
				b.Encryption = string(r.ApplyServerSideEncryptionByDefault.SSEAlgorithm)
			}
		}
	}
	logging, err := client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &b.ID})
	if err != nil {
		return err
	}
	if logging.LoggingEnabled != nil {
		b.LogsTo = aws.ToString(logging.LoggingEnabled.TargetBucket)
	}
	return nil
}
