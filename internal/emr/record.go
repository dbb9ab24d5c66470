package emr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"infra/internal/fault"
)

// Records is where the colours of an environment are written down: one object
// beside the ledger, written only over what was read before.
type Records struct {
	Client      *s3.Client
	Bucket      string
	Account     string // the only owner of the bucket that is accepted
	Environment string
}

// recordLimit bounds a request with its retries.
const recordLimit = 30 * time.Second

func (r Records) key() string { return "runs/" + r.Environment + "/emr.json" }

// Read gets the record; nil when there is none, or no bucket yet.
func (r Records) Read(ctx context.Context) (*Colours, error) {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	op := "read the colours of " + r.Environment + " (s3://" + r.Bucket + "/" + r.key() + ")"
	out, err := r.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.Bucket, Key: aws.String(r.key()), ExpectedBucketOwner: &r.Account})
	if err != nil {
		var api smithy.APIError
		if errors.As(err, &api) && (api.ErrorCode() == "NoSuchKey" || api.ErrorCode() == "NoSuchBucket") {
			return nil, nil //nolint:nilnil // there is none
		}
		return nil, fault.New(fault.Failed, op, errors.New(gist(err)), "infra doctor "+r.Environment)
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, 1<<20))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra doctor "+r.Environment)
	}
	c := &Colours{}
	if err = json.Unmarshal(data, c); err == nil {
		err = c.sound()
	}
	if err != nil {
		return nil, fault.New(fault.Failed, op, fmt.Errorf("it is not what infra writes: %w", err),
			fmt.Sprintf("aws s3api list-object-versions --bucket %s --prefix %s", r.Bucket, r.key()))
	}
	c.etag = aws.ToString(out.ETag)
	return c, nil
}

// sound refuses a record that nobody can act on.
func (c *Colours) sound() error {
	known := map[string]bool{"blue": true, "green": true}
	switch {
	case c.Schema != ColoursSchema:
		return fmt.Errorf("its schema is %q", c.Schema)
	case !known[c.Active] || len(c.Clusters) == 0:
		return fmt.Errorf("active is %q of %v", c.Active, c.Clusters)
	case c.Move != nil && (!known[c.Move.From] || !known[c.Move.To] || c.Move.From == c.Move.To):
		return fmt.Errorf("it moves from %q to %q", c.Move.From, c.Move.To)
	}
	for _, colour := range c.Clusters {
		if !known[colour] {
			return fmt.Errorf("%q is no colour", colour)
		}
	}
	return nil
}

// Write puts the record in the place of the one that was read. It is Refused
// when somebody else has written meanwhile.
func (r Records) Write(ctx context.Context, c *Colours) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the colours: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	in := &s3.PutObjectInput{
		Bucket: &r.Bucket, Key: aws.String(r.key()), ExpectedBucketOwner: &r.Account, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	}
	if c.etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &c.etag
	}
	op := "write the colours of " + r.Environment
	out, err := r.Client.PutObject(ctx, in)
	if err == nil {
		c.etag = aws.ToString(out.ETag)
		return nil
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && (response.HTTPStatusCode() == http.StatusPreconditionFailed || response.HTTPStatusCode() == http.StatusConflict) {
		// The answer to a write of our own may have been lost, and the SDK have
		// written again.
		if now, readErr := r.Read(ctx); readErr == nil && now != nil && now.same(data) {
			c.etag = now.etag
			return nil
		}
		return fault.New(fault.Refused, op, errors.New("somebody else has written them since they were read"), "infra emr status "+r.Environment)
	}
	return fault.New(fault.Failed, op, errors.New(gist(err)), "infra doctor "+r.Environment)
}

// same tells whether the record is what data says.
func (c *Colours) same(data []byte) bool {
	mine, err := json.Marshal(c)
	return err == nil && bytes.Equal(mine, data)
}
