package emulator_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"infra/internal/sandbox/emulator"
)

// versioned is a bucket that keeps versions, as a state bucket does.
func versioned(t *testing.T, name string) *s3.Client {
	t.Helper()
	client := newBucket(t, name)
	must[*s3.PutBucketVersioningOutput](t)(client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	}))
	return client
}

// answer is the status and the code of an error, 200 and "" without one.
func answer(err error) string {
	if err == nil {
		return "200 "
	}
	var response *smithyhttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &response) || !errors.As(err, &api) {
		return "no answer of the API: " + err.Error()
	}
	return fmt.Sprintf("%d %s", response.HTTPStatusCode(), api.ErrorCode())
}

func TestConditionsOfWrites(t *testing.T) {
	const bucket = "conditional"
	client := versioned(t, bucket)
	put := func(key, match, noneMatch string) (string, error) {
		input := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("same"), ServerSideEncryption: s3types.ServerSideEncryptionAwsKms}
		if match != "" {
			input.IfMatch = &match
		}
		if noneMatch != "" {
			input.IfNoneMatch = &noneMatch
		}
		output, err := client.PutObject(t.Context(), input)
		if err != nil {
			return "", err
		}
		return *output.ETag, nil
	}
	first, err := put("there", "", "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := put("there", first, "")
	if err != nil || second == first {
		t.Fatalf("ETags of two writes are %s and %s: %v", first, second, err)
	}
	must[string](t)(put("deleted", "", ""))
	must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("deleted")}))
	for name, test := range map[string]struct{ key, match, noneMatch, want string }{
		"absent, wanted absent":       {"absent-1", "", "*", "200 "},
		"absent, wanted a version":    {"absent-2", first, "", "404 NoSuchKey"},
		"there, wanted absent":        {"there", "", "*", "412 PreconditionFailed"},
		"there, wanted an older one":  {"there", first, "", "412 PreconditionFailed"},
		"deleted, wanted a version":   {"deleted", first, "", "404 NoSuchKey"},
		"an ETag that must not match": {"there", "", first, "501 NotImplemented"},
		"both":                        {"there", second, "*", "501 NotImplemented"},
	} {
		if _, err := put(test.key, test.match, test.noneMatch); answer(err) != test.want {
			t.Errorf("%s: %s, want %s", name, answer(err), test.want)
		}
	}
	if _, err := put("deleted", "", "*"); err != nil {
		t.Errorf("a deleted object counts as there: %v", err)
	}
	if _, err := put("there", strings.Trim(second, `"`), ""); err != nil {
		t.Errorf("an ETag without quotes: %v", err)
	}
}

func TestConditionsOfDeletesAndCopies(t *testing.T) {
	const bucket = "conditional-deletes"
	client := versioned(t, bucket)
	write := func(body string) string {
		output := must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader(body)}))
		return *output.ETag
	}
	remove := func(match string) string {
		_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfMatch: &match})
		return answer(err)
	}
	old, now := write("1"), write("2")
	if got := remove(old); got != "412 PreconditionFailed" {
		t.Errorf("a delete of another version: %s", got)
	}
	if got := remove(now); got != "200 " {
		t.Errorf("a delete of the current version: %s", got)
	}
	if got := remove("*"); got != "404 NoSuchKey" {
		t.Errorf("a delete of what is deleted: %s", got)
	}
	write("3")
	if got := remove("*"); got != "200 " {
		t.Errorf("a delete of whatever is there: %s", got)
	}
	write("4")
	_, err := client.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("k"), CopySource: aws.String(bucket + "/k"), IfNoneMatch: aws.String("*"),
	})
	if got := answer(err); got != "412 PreconditionFailed" {
		t.Errorf("a copy over what is there: %s", got)
	}
}

// TestConcurrentConditionalWrites lets 200 writers, each by a connection of
// its own, claim one object and count it up: exactly one may win each time.
func TestConcurrentConditionalWrites(t *testing.T) {
	const (
		bucket  = "concurrent"
		key     = "leases/sandbox.json"
		writers = 200
	)
	client := versioned(t, bucket)
	var created, refused atomic.Int64
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("0"), IfNoneMatch: aws.String("*"),
				ServerSideEncryption: s3types.ServerSideEncryptionAwsKms,
			})
			switch {
			case err == nil:
				created.Add(1)
			case answer(err) == "412 PreconditionFailed":
				refused.Add(1)
			default:
				t.Errorf("a claim: %v", err)
			}
		})
	}
	wait.Wait()
	if created.Load() != 1 || refused.Load() != writers-1 {
		t.Fatalf("%d writers created it, %d were refused", created.Load(), refused.Load())
	}
	// All start from the one ETag: one may replace it.
	head := must[*s3.HeadObjectOutput](t)(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}))
	created.Store(0)
	for range writers {
		wait.Go(func() {
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("0"), IfMatch: head.ETag,
				ServerSideEncryption: s3types.ServerSideEncryptionAwsKms,
			})
			if err == nil {
				created.Add(1)
			} else if got := answer(err); got != "412 PreconditionFailed" {
				t.Errorf("a replacement: %s", got)
			}
		})
	}
	wait.Wait()
	if created.Load() != 1 {
		t.Errorf("%d writers replaced one version", created.Load())
	}
	versions := must[*s3.ListObjectVersionsOutput](t)(client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket), Prefix: aws.String(key)}))
	if len(versions.Versions) != 2 {
		t.Errorf("%d versions are kept, want 2", len(versions.Versions))
	}
}

func TestTimesAreTheServers(t *testing.T) {
	const bucket = "times"
	client := versioned(t, bucket)
	before := time.Now().Truncate(time.Second)
	must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")}))
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodGet, shared.Client().Endpoint()+"/"+bucket, http.NoBody))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	date := must[time.Time](t)(http.ParseTime(response.Header.Get("Date")))
	head := must[*s3.HeadObjectOutput](t)(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")}))
	if head.LastModified.Before(before) || head.LastModified.After(time.Now()) || date.Before(before) || date.After(time.Now()) {
		t.Errorf("written %s, dated %s, now %s", head.LastModified, date, time.Now())
	}
}

// TestConflictsCanBeInjected: S3 answers 409 where it cannot order two writes,
// which this emulator, one request at a time, never has to.
func TestConflictsCanBeInjected(t *testing.T) {
	const bucket = "conflicts"
	client := versioned(t, bucket)
	if err := shared.Client().AddFaults(t.Context(), emulator.Fault{
		Service: "s3", Action: "PutObject", Path: "/" + bucket + "/leases/", Status: http.StatusConflict, ErrorCode: "ConditionalRequestConflict", Count: 1,
	}); err != nil {
		t.Fatal(err)
	}
	put := func() string {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("leases/x"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")})
		return answer(err)
	}
	if got := put(); got != "409 ConditionalRequestConflict" {
		t.Errorf("the first write: %s", got)
	}
	if got := put(); got != "200 " {
		t.Errorf("the second write: %s", got)
	}
}
