package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Records is where the reports of verified restores are kept: the
// environment's state bucket.
type Records struct {
	Client      *s3.Client
	Bucket      string
	Account     string // expected owner of the bucket; empty: not checked
	Environment string
}

// Verified is the part of the last infra/pg-verify/v1 report that a status
// shows.
type Verified struct {
	Key        string    `json:"key"` // of the whole report in the bucket
	EndedAt    time.Time `json:"ended_at"`
	Passed     bool      `json:"passed"`
	Backup     string    `json:"backup"`
	RTOSeconds float64   `json:"rto_seconds"`
	RPOSeconds float64   `json:"rpo_seconds"`
}

// mostReport bounds what is read of one report, in bytes.
const mostReport = 4 << 20

// last reads the newest report, nil when there is none. Keys sort by time.
func (r Records) last(ctx context.Context) (*Verified, error) {
	prefix := path.Join("verify", r.Environment) + "/"
	newest := ""
	pages := s3.NewListObjectsV2Paginator(r.Client, &s3.ListObjectsV2Input{Bucket: &r.Bucket, Prefix: &prefix, ExpectedBucketOwner: r.owner()})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			if key := aws.ToString(object.Key); strings.HasSuffix(key, ".json") && key > newest {
				newest = key
			}
		}
	}
	if newest == "" {
		return nil, nil //nolint:nilnil // that nothing was verified yet is no error
	}
	return r.read(ctx, newest)
}

func (r Records) read(ctx context.Context, key string) (verified *Verified, err error) {
	object, err := r.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.Bucket, Key: &key, ExpectedBucketOwner: r.owner()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, object.Body.Close()) }()
	data, err := io.ReadAll(io.LimitReader(object.Body, mostReport))
	if err != nil {
		return nil, err
	}
	verified = &Verified{Key: key}
	if err := json.Unmarshal(data, verified); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", key, err)
	}
	return verified, nil
}

func (r Records) owner() *string {
	if r.Account == "" {
		return nil
	}
	return aws.String(r.Account)
}
