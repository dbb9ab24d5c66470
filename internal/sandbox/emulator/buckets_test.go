package emulator_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Terraform suspends a bucket's versioning before it empties the bucket.
func TestSuspendedBucketIsEmptied(t *testing.T) {
	const name = "suspended"
	client := newBucket(t, name)
	versioning := func(status types.BucketVersioningStatus) {
		must[*s3.PutBucketVersioningOutput](t)(client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: aws.String(name), VersioningConfiguration: &types.VersioningConfiguration{Status: status},
		}))
	}
	versioning(types.BucketVersioningStatusEnabled)
	must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("k"), Body: strings.NewReader("text")}))
	must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String("k")}))
	versioning(types.BucketVersioningStatusSuspended)

	listed := must[*s3.ListObjectVersionsOutput](t)(client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(name)}))
	if len(listed.Versions) != 1 || len(listed.DeleteMarkers) != 1 {
		t.Fatalf("there are %d versions and %d delete markers", len(listed.Versions), len(listed.DeleteMarkers))
	}
	doomed := []types.ObjectIdentifier{
		{Key: aws.String("k"), VersionId: listed.Versions[0].VersionId}, {Key: aws.String("k"), VersionId: listed.DeleteMarkers[0].VersionId},
	}
	must[*s3.DeleteObjectsOutput](t)(client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(name), Delete: &types.Delete{Objects: doomed}}))
	must[*s3.DeleteBucketOutput](t)(client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(name)}))
}
