package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"infra/internal/fault"
)

// Store is the lease and the ledger of one environment in its state bucket.
// It is safe for use by many goroutines.
//
//	leases/<env>.json             the lease, never deleted
//	runs/<env>/head.json          which run is open, what the last one left
//	runs/<env>/<run>/begin.json   written before the first change
//	runs/<env>/<run>/end.json     written at the end
//	runs/<env>/<run>/settled.json written by whoever closed it for the run
//	runs/<env>/<run>/plan.json    a plan that was kept for approval
//	runs/<env>/<run>/events.jsonl.gz what it told while it went on
//
// Records are written once; lease and head only over what was read before.
type Store struct {
	File string // the environment's, for hints; empty: it is not at hand

	client      *s3.Client
	bucket      string
	account     string
	environment string
	every       time.Duration // between two signs of life
	dead        time.Duration // without one, a run that has changed nothing gives up
}

// NewStore makes no request. account is the only owner of the bucket that is
// accepted (12 digits).
func NewStore(client *s3.Client, bucket, account, environment string) *Store {
	return &Store{client: client, bucket: bucket, account: account, environment: environment, every: beatEvery, dead: deadAfter}
}

func (s *Store) leaseKey() string { return "leases/" + s.environment + ".json" }
func (s *Store) headKey() string  { return s.prefix() + "head.json" }
func (s *Store) prefix() string   { return "runs/" + s.environment + "/" }

func (s *Store) recordKey(run, name string) string { return s.prefix() + run + "/" + name + ".json" }

// requestLimit bounds one request with its retries; an S3 that is slower than
// that has failed.
const requestLimit = 30 * time.Second

// sizeLimit bounds what is read: records are a few kilobytes.
const sizeLimit = 8 << 20

// Answers of S3 that are no failures.
var (
	errAbsent   = errors.New("there is no such object")
	errConflict = errors.New("somebody else has written it meanwhile")
	errNoBucket = errors.New("there is no state bucket")
)

// object is what S3 says about one of the environment's objects.
type object struct {
	data     []byte
	etag     string
	modified time.Time
	now      time.Time     // of the server, when it answered; zero when it did not say
	skew     time.Duration // this machine's clock is ahead by so much
}

// get reads an object; errAbsent or errNoBucket when there is none.
func (s *Store) get(ctx context.Context, key string) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.account})
	if err != nil {
		return s.absent(err), s.explain(ctx, "read "+key, err)
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, sizeLimit))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return object{}, s.explain(ctx, "read "+key, err)
	}
	o := object{data: data, etag: aws.ToString(out.ETag), modified: aws.ToTime(out.LastModified)}
	o.now, _ = middleware.GetServerTime(out.ResultMetadata)
	o.measure()
	return o, nil
}

// absent keeps the server's clock from an answer that has nothing else.
func (s *Store) absent(err error) object {
	var response *awshttp.ResponseError
	o := object{}
	if errors.As(err, &response) && response.Response != nil {
		if date, err := http.ParseTime(response.Response.Header.Get("Date")); err == nil {
			o.now = date
		}
	}
	o.measure()
	return o
}

// measure compares the clocks. The server's has whole seconds, so less than
// one and a half is no difference.
func (o *object) measure() {
	if o.now.IsZero() {
		return
	}
	if skew := time.Since(o.now.Add(500 * time.Millisecond)); skew.Abs() >= 1500*time.Millisecond {
		o.skew = skew.Round(time.Second)
	}
}

// put writes an object over the version with that ETag, or only where there is
// none when etag is empty. errConflict when there is something else, or
// somebody else was writing at the same time.
func (s *Store) put(ctx context.Context, key string, document any, etag string) (object, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return object{}, fmt.Errorf("encode %s: %w", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.account, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(etag)
	}
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		return object{}, s.explain(ctx, "write "+key, err)
	}
	o := object{data: data, etag: aws.ToString(out.ETag)}
	o.now, _ = middleware.GetServerTime(out.ResultMetadata)
	o.modified = o.now
	o.measure()
	return o, nil
}

// explain turns an answer of S3 into one of the errors above, or into one for
// people.
func (s *Store) explain(ctx context.Context, op string, err error) error {
	var response *awshttp.ResponseError
	var api smithy.APIError
	status, code := 0, ""
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	op += " in the state bucket " + s.bucket
	switch {
	case code == "NoSuchBucket":
		return fault.New(fault.Failed, op, errNoBucket, "infra bootstrap "+s.environment)
	case status == http.StatusNotFound:
		return errAbsent
	case status == http.StatusConflict || status == http.StatusPreconditionFailed:
		return errConflict
	case status == http.StatusForbidden:
		return fault.New(fault.Refused, op, errors.New("S3 denies it: the bucket belongs to another account than "+s.account+", or these credentials may not do it ("+code+")"),
			"infra doctor "+s.environment)
	case status == http.StatusMovedPermanently || code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException":
		return fault.New(fault.Refused, op, errors.New("the bucket is in another region than the environment says"),
			"correct region or state.bucket in "+cmp.Or(s.File, "the file of "+s.environment))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.New(fault.Failed, op, errors.New("S3 does not answer in time"), "infra doctor "+s.environment)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	text := err.Error()
	for _, mark := range []string{"api error ", "dial tcp "} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			text = text[i:]
		}
	}
	return fault.New(fault.Failed, op, errors.New(text), "infra doctor "+s.environment)
}
