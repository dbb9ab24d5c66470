package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/bundle"
	"infra/internal/fault"
	"infra/internal/state"
)

// keptBundle is a bundle on disk, and its place in the environment's state
// bucket.
func keptBundle(t *testing.T, c *cloud) (bundle.Bundle, bundle.Place) {
	t.Helper()
	bucket := state.NewBucket(c.config(t), c.bucket, cloudAccount, true, nil)
	if _, err := bucket.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(plan, []byte("a plan with a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	made, err := bundle.Write(filepath.Join(t.TempDir(), "b"), bundle.Manifest{
		Environment: "cloud", Account: cloudAccount, Region: "eu-west-1", Run: "r1", Created: now, Expires: now.Add(time.Hour),
		Stacks: []bundle.Stack{{Product: "baseline"}},
	}, map[string]string{"baseline": plan})
	if err != nil {
		t.Fatal(err)
	}
	return made, bundle.Place{Bucket: c.bucket, Account: cloudAccount, Key: bundle.Key("cloud", "r1"), KMSKey: bucket.KeyARN()}
}

// A bundle in S3 is encrypted by the environment's key, comes back as it went,
// and cannot be replaced.
func TestBundleInS3(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	made, place := keptBundle(t, c)
	if err := place.Put(t.Context(), c.s3(t), made.Path); err != nil {
		t.Fatal(err)
	}

	stored, err := c.s3(t).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &place.Bucket, Key: &place.Key})
	if err != nil {
		t.Fatal(err)
	}
	key, err := kms.NewFromConfig(c.config(t)).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &place.KMSKey})
	if err != nil {
		t.Fatal(err)
	}
	if by := aws.ToString(stored.SSEKMSKeyId); stored.ServerSideEncryption != "aws:kms" || (by != place.KMSKey && by != aws.ToString(key.KeyMetadata.Arn)) {
		t.Errorf("stored with %s by %s", stored.ServerSideEncryption, by)
	}

	to := filepath.Join(t.TempDir(), "b")
	if err := place.Get(t.Context(), c.s3(t), to); err != nil {
		t.Fatal(err)
	}
	if got, err := bundle.Open(to, t.TempDir()); err != nil || got.Digest != made.Digest || got.Run != "r1" {
		t.Errorf("got %+v, %v", got, err)
	}

	// The same again is the same; another one is refused and changes nothing.
	if err := place.Put(t.Context(), c.s3(t), made.Path); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := os.WriteFile(to, []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := place.Put(t.Context(), c.s3(t), to); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "none is ever replaced") {
		t.Errorf("over another: %v", err)
	}
	if now, err := c.s3(t).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &place.Bucket, Key: &place.Key}); err != nil || aws.ToString(now.ETag) != aws.ToString(stored.ETag) {
		t.Errorf("the object changed, %v", err)
	}
}

func TestRow24BundleOfSomebodyElse(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	made, place := keptBundle(t, c)
	none := place
	none.Key = bundle.Key("cloud", "none")
	if err := none.Get(t.Context(), c.s3(t), filepath.Join(t.TempDir(), "b")); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("no bundle: %v", err)
	}
	if err := place.Put(t.Context(), c.s3(t), made.Path); err != nil {
		t.Fatal(err)
	}
	place.Account = "999999999999"
	if err := place.Get(t.Context(), c.s3(t), filepath.Join(t.TempDir(), "b")); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "another account's") {
		t.Errorf("get from another account's bucket: %v", err)
	}
	place.Key = bundle.Key("cloud", "r2")
	if err := place.Put(t.Context(), c.s3(t), made.Path); fault.CodeOf(err) != fault.Refused {
		t.Errorf("put into another account's bucket: %v", err)
	}
}
