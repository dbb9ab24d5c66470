package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"infra/internal/fault"
)

// Place is where in S3 a bundle is kept.
type Place struct {
	Bucket  string
	Account string // 12 digits: the only owner of the bucket that is accepted
	Key     string
	KMSKey  string // ARN of the key, or of its alias, that encrypts it; only Put needs it
}

// transferLimit bounds a Put or a Get with all that is tried again.
const transferLimit = 5 * time.Minute

// attempts is how often a transfer that broke off in the middle is begun.
const attempts = 3

// Key is the key of the bundle that a run makes.
func Key(environment, run string) string { return "bundles/" + environment + "/" + run + ".bundle" }

// ContentKey is the key of the bundle that a run makes in a pipeline: it is
// found again by the digest of what was planned, whatever commit that is in by
// then.
func ContentKey(environment, content, run string) string {
	return contentPrefix(environment, content) + run + ".bundle"
}

func contentPrefix(environment, content string) string {
	return "bundles/" + environment + "/" + content + "-"
}

// URL is how people name the place: s3://bucket/key.
func (p Place) URL() string { return "s3://" + p.Bucket + "/" + p.Key }

// ParseURL takes s3://bucket/key apart; false when text is none.
func ParseURL(text string) (bucket, key string, ok bool) {
	rest, found := strings.CutPrefix(text, "s3://")
	if !found {
		return "", "", false
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, bucket != "" && key != ""
}

// Put keeps the bundle file at path in S3, encrypted by KMS. One that is
// there already is never replaced: that is refused (exit 3).
func (p Place) Put(ctx context.Context, client *s3.Client, path string) error {
	if err := p.put(ctx, client, path); err != nil {
		return p.explain("keep the bundle at "+p.URL(), err)
	}
	return nil
}

func (p Place) put(ctx context.Context, client *s3.Client, path string) error {
	ctx, cancel := context.WithTimeout(ctx, transferLimit)
	defer cancel()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return errors.Join(err, f.Close())
	}
	sum := base64.StdEncoding.EncodeToString(hash.Sum(nil))
	if err := rewind(f); err != nil {
		return errors.Join(err, f.Close())
	}
	out, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &p.Bucket, Key: &p.Key, ExpectedBucketOwner: &p.Account, Body: f, ContentType: aws.String("application/gzip"),
		IfNoneMatch: aws.String("*"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: &sum,
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: &p.KMSKey,
	})
	if status(err) == http.StatusPreconditionFailed && p.holds(ctx, client, sum) {
		return f.Close() // an attempt before this one came through, its answer did not
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if out.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
		return fmt.Errorf("it was stored with encryption %q instead of KMS", out.ServerSideEncryption)
	}
	return nil
}

// holds tells whether the object there has this SHA-256, base64, and is
// encrypted by KMS.
func (p Place) holds(ctx context.Context, client *s3.Client, sum string) bool {
	out, err := client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &p.Bucket, Key: &p.Key, ExpectedBucketOwner: &p.Account, ChecksumMode: types.ChecksumModeEnabled,
	})
	return err == nil && aws.ToString(out.ChecksumSHA256) == sum && out.ServerSideEncryption == types.ServerSideEncryptionAwsKms
}

// status is the HTTP status of an answer that is an error; 0 when there was
// no answer.
func status(err error) int {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

// Get copies the bundle from S3 to the file path (0600, must not exist).
// A place without a bundle is refused (exit 3).
func (p Place) Get(ctx context.Context, client *s3.Client, path string) error {
	op := "fetch the bundle " + p.URL()
	ctx, cancel := context.WithTimeout(ctx, transferLimit)
	defer cancel()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	for range attempts {
		var broke bool
		if broke, err = p.get(ctx, client, f); !broke || ctx.Err() != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return p.explain(op, errors.Join(err, os.Remove(path)))
	}
	return nil
}

// get reads the object once; broke says that the answer began and did not
// come to its end, which the SDK itself does not try again.
func (p Place) get(ctx context.Context, client *s3.Client, f *os.File) (broke bool, err error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.Bucket, Key: &p.Key, ExpectedBucketOwner: &p.Account})
	if err != nil {
		return false, err
	}
	if err := errors.Join(f.Truncate(0), rewind(f)); err != nil {
		return false, errors.Join(err, out.Body.Close())
	}
	n, err := io.Copy(f, io.LimitReader(out.Body, fileLimit+1))
	err = errors.Join(err, out.Body.Close())
	if err == nil && n > fileLimit {
		return false, fmt.Errorf("it has more than %d bytes", int64(fileLimit))
	}
	return err != nil, err
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// explain turns an answer of S3 into what a person can do about it.
func (p Place) explain(op string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.New(fault.Interrupted, op, context.Canceled, "")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.New(fault.Failed, op, fmt.Errorf("S3 took longer than %s", transferLimit), "run it again")
	}
	code := status(err)
	if code == 0 {
		return fault.New(fault.Failed, op, err, "infra doctor")
	}
	said := fmt.Errorf("HTTP %d", code)
	var api smithy.APIError
	if errors.As(err, &api) {
		said = fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	switch code {
	case http.StatusNotFound:
		return fault.New(fault.Refused, op, errors.New("there is none"), "infra plan ENV --out s3")
	case http.StatusPreconditionFailed:
		return fault.New(fault.Refused, op, errors.New("there is one already, and none is ever replaced"), "infra plan ENV --out s3")
	case http.StatusForbidden:
		return fault.New(fault.Refused, op, fmt.Errorf("the bucket is another account's, or these credentials may use neither it nor its KMS key: %w", said), "aws sts get-caller-identity")
	case http.StatusBadRequest:
		return fault.New(fault.Failed, op, said, "infra doctor")
	default:
		return fault.New(fault.Failed, op, said, "run it again")
	}
}
