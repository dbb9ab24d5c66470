package bundle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrNone says that nothing was kept for a content.
var ErrNone = errors.New("no plan was kept for this content")

// Find is the place of the newest bundle that was kept for a content of an
// environment: what was planned last is what people were shown last. S3 says
// when that was, for a name may be anything: one from the future would stand
// before every plan to come. place says in which bucket. Without any the error is
// ErrNone.
func (p Place) Find(ctx context.Context, client *s3.Client, environment, content string) (Place, error) {
	prefix := contentPrefix(environment, content)
	op := fmt.Sprintf("look for plans of %s in %s", environment, p.Bucket)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &p.Bucket, ExpectedBucketOwner: &p.Account, Prefix: &prefix})
	p.Key = ""
	var made time.Time
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return p, p.explain(op, err)
		}
		for _, object := range page.Contents {
			key, at := aws.ToString(object.Key), aws.ToTime(object.LastModified)
			if strings.HasSuffix(key, ".bundle") && (at.After(made) || at.Equal(made) && key > p.Key) {
				p.Key, made = key, at
			}
		}
	}
	if p.Key == "" {
		return p, ErrNone
	}
	return p, nil
}
