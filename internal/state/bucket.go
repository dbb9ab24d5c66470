// Package state is the state bucket of an environment: its creation and
// hardening, what Terraform left in it read straight from S3 with its
// history and its locks, and what can be said of a state without Terraform:
// whether it is sound, what is in it, how two differ.
package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/fault"
)

// Bucket is where an environment's states are.
type Bucket struct {
	Name    string
	Account string // 12 digits: the only owner that is accepted
	Region  string
	Tags    map[string]string // of the bucket and its key, set at creation

	s3       *s3.Client
	kms      *kms.Client
	alias    string // of its key
	purpose  string // of its key
	settings func(key string) []setting
	rename   string // how to give it another name
}

// keyAlias names the key that encrypts the states of an account and region.
const keyAlias = "alias/infra-state"

// KeyDescription is how that key describes itself, by which one without an
// alias is found.
const KeyDescription = "Encrypts the Terraform states that infra keeps in S3"

// patience is how long one request for an object may take with everything
// that the SDK tries again. A state is a few megabytes at most.
const patience = 2 * time.Minute

// NewBucket makes no request. pathStyle is for emulators.
func NewBucket(cfg aws.Config, name, account string, pathStyle bool, tags map[string]string) *Bucket {
	b := &Bucket{
		Name: name, Account: account, Region: cfg.Region, Tags: tags,
		s3:    s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = pathStyle }),
		kms:   kms.NewFromConfig(cfg),
		alias: keyAlias, purpose: KeyDescription, rename: "set state.bucket in the environment's file to a name of your own",
	}
	b.settings = b.stateSettings
	return b
}

// KeyARN is the ARN of the key's alias, known without a request.
func (b *Bucket) KeyARN() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", Partition(b.Region), b.Region, b.Account, b.alias)
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
func (b *Bucket) Exists(ctx context.Context) (bool, error) { return b.exists(ctx, b.Name) }

func (b *Bucket) exists(ctx context.Context, name string) (bool, error) {
	_, err := b.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name, ExpectedBucketOwner: &b.Account})
	switch status(err) {
	case 0:
		if err == nil {
			return true, nil
		}
	case 404:
		return false, nil
	case 403:
		return false, fault.New(fault.Refused, "open the bucket "+name,
			errors.New("it belongs to another account, or these credentials may not read it"), b.rename)
	case 301:
		return false, fault.New(fault.Refused, "open the bucket "+name, errors.New("it is in another region than "+b.Region), "")
	}
	return false, fault.New(fault.Failed, "reach S3 for the bucket "+name, b.unreachable(ctx, err), "infra doctor")
}

// status is the HTTP status of an error of S3, 0 when there was no answer.
func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// unreachable is the human end of an error of the SDK.
func (b *Bucket) unreachable(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("S3 did not answer within %s", patience)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if i := strings.LastIndex(err.Error(), "dial tcp"); i >= 0 {
		return errors.New(err.Error()[i:])
	}
	return err
}
