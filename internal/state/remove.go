package state

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// Neighbours are the other environments that have a ledger in the bucket.
func (b *Bucket) Neighbours(ctx context.Context, environment string) ([]string, error) {
	const prefix = "runs/"
	var names []string
	pages := s3.NewListObjectsV2Paginator(b.s3, &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: aws.String(prefix), Delimiter: aws.String("/"), ExpectedBucketOwner: &b.Account})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.New(fault.Failed, "list what is in the bucket "+b.Name, b.unreachable(ctx, err), "infra doctor "+environment)
		}
		for _, p := range page.CommonPrefixes {
			if name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), prefix), "/"); name != environment {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// Archive writes the environment's lease and ledger, and what operations have
// written down beside it, as a compressed archive. States are not in it: they
// hold secrets.
func (b *Bucket) Archive(ctx context.Context, environment string, w io.Writer) (objects int, err error) {
	op := "archive the ledger of " + environment
	packed := gzip.NewWriter(w)
	archive := tar.NewWriter(packed)
	for _, prefix := range []string{"runs/" + environment + "/", "leases/" + environment + ".json"} {
		pages := s3.NewListObjectsV2Paginator(b.s3, &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: &prefix, ExpectedBucketOwner: &b.Account})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return objects, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor "+environment)
			}
			for _, o := range page.Contents {
				if err := b.pack(ctx, archive, aws.ToString(o.Key), aws.ToTime(o.LastModified)); err != nil {
					return objects, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor "+environment)
				}
				objects++
			}
		}
	}
	if err := errors.Join(archive.Close(), packed.Close()); err != nil {
		return objects, fault.New(fault.Failed, op, err, "")
	}
	return objects, nil
}

// pack puts one object into an archive.
func (b *Bucket) pack(ctx context.Context, archive *tar.Writer, key string, modified time.Time) error {
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account})
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, sizeLimit))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: key, Mode: 0o600, Size: int64(len(data)), ModTime: modified}); err != nil {
		return err
	}
	_, err = archive.Write(data)
	return err
}

// Holds tells whether there is anything in a bucket of the account; none that
// does not exist.
func (b *Bucket) Holds(ctx context.Context, bucket string) (bool, error) {
	out, err := b.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(1), ExpectedBucketOwner: &b.Account})
	if status(err) == 404 {
		return false, nil
	}
	if err != nil {
		return false, fault.New(fault.Failed, "look into the bucket "+bucket, b.unreachable(ctx, err), "")
	}
	return len(out.Versions)+len(out.DeleteMarkers) > 0, nil
}

// Empty deletes every version of every object of a bucket of the account, those
// of the object last at the very end. One that does not exist is empty. A
// version that an object lock keeps is an error, that says so.
func (b *Bucket) Empty(ctx context.Context, bucket, last string) (deleted int, err error) {
	op := "empty the bucket " + bucket
	var kept []types.ObjectIdentifier
	pages := s3.NewListObjectVersionsPaginator(b.s3, &s3.ListObjectVersionsInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if status(err) == 404 {
			return deleted, nil
		}
		if err != nil {
			return deleted, fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
		}
		var now []types.ObjectIdentifier
		add := func(key, version *string) {
			if id := (types.ObjectIdentifier{Key: key, VersionId: version}); last != "" && aws.ToString(key) == last {
				kept = append(kept, id)
			} else {
				now = append(now, id)
			}
		}
		for _, v := range page.Versions {
			add(v.Key, v.VersionId)
		}
		for _, m := range page.DeleteMarkers {
			add(m.Key, m.VersionId)
		}
		if err := b.deleteVersions(ctx, bucket, now); err != nil {
			return deleted, fault.New(fault.Failed, op, err, "")
		}
		deleted += len(now)
	}
	if err := b.deleteVersions(ctx, bucket, kept); err != nil {
		return deleted, fault.New(fault.Failed, op, err, "")
	}
	return deleted + len(kept), nil
}

func (b *Bucket) deleteVersions(ctx context.Context, bucket string, all []types.ObjectIdentifier) error {
	if len(all) == 0 {
		return nil
	}
	out, err := b.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &bucket, ExpectedBucketOwner: &b.Account, Delete: &types.Delete{Objects: all, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return b.unreachable(ctx, err)
	}
	if len(out.Errors) > 0 {
		first := out.Errors[0]
		return fmt.Errorf("%d versions stay, the first is %s: %s", len(out.Errors), aws.ToString(first.Key), aws.ToString(first.Message))
	}
	return nil
}

// Remove ends what Bootstrap has made: the bucket with everything in it, the
// object last at the very end, and the bucket of its access logs. It tells what
// it does; what is gone already is no error.
func (b *Bucket) Remove(ctx context.Context, last string, tell func(format string, args ...any)) error {
	for _, bucket := range []struct{ name, last string }{{b.Name, last}, {b.LogName(), ""}} {
		there, err := b.exists(ctx, bucket.name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		op := "remove the bucket " + bucket.name
		// Its policy keeps everybody from deleting anything.
		if _, err := b.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket.name, ExpectedBucketOwner: &b.Account}); err != nil {
			return fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
		}
		deleted, err := b.Empty(ctx, bucket.name, bucket.last)
		if err != nil {
			return err
		}
		if _, err := b.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket.name, ExpectedBucketOwner: &b.Account}); err != nil && status(err) != 404 {
			return fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
		}
		tell("removed the bucket %s with %d versions of objects", bucket.name, deleted)
	}
	return nil
}

// keyGrace is how long KMS keeps a key that is to be deleted.
const keyGrace = 30 // days

// RemoveKey has KMS delete the key of the states, after keyGrace; until then it
// can be had back. Without such a key it does nothing.
func (b *Bucket) RemoveKey(ctx context.Context) (did string, err error) {
	op := "remove the key " + b.alias
	found, err := b.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(b.alias)})
	var missing *kmstypes.NotFoundException
	if errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
	}
	id := found.KeyMetadata.KeyId
	if found.KeyMetadata.KeyState != kmstypes.KeyStatePendingDeletion {
		_, err = b.kms.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(keyGrace)})
		if err != nil {
			return "", fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
		}
	}
	// The name goes last: by it the key is found again.
	if _, err := b.kms.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: aws.String(b.alias)}); err != nil && !errors.As(err, &missing) {
		return "", fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
	}
	return fmt.Sprintf("KMS deletes the key %s in %d days", aws.ToString(found.KeyMetadata.Arn), keyGrace), nil
}
