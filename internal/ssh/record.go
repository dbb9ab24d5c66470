package ssh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// recordSchema is the kind and version of the record of host keys.
const recordSchema = "infra/known-hosts/v1"

// record is what is remembered of hosts' keys between runs.
type record struct {
	Schema string                  `json:"schema"`
	Hosts  map[string]recordedHost `json:"hosts"` // by instance id
}

type recordedHost struct {
	Launched time.Time `json:"launched"` // as EC2 reported it when the keys were first read
	Keys     []string  `json:"keys"`
}

// Record is where host keys are remembered: one object in the environment's
// state bucket.
type Record struct {
	Client      *s3.Client
	Bucket      string
	Environment string
	Account     string // expected owner of the bucket; empty: not checked
	ReadOnly    bool   // keys that are found are used and not remembered
}

func (r Record) key() string { return "hosts/" + r.Environment + "/known_hosts.json" }

// Location is the object's URL for messages.
func (r Record) Location() string { return "s3://" + r.Bucket + "/" + r.key() }

func (r Record) owner() *string {
	if r.Account == "" {
		return nil
	}
	return aws.String(r.Account)
}

// read is the record and its ETag; an object that does not exist is an empty
// record without an ETag.
func (r Record) read(ctx context.Context) (record, string, error) {
	op := "read the host keys in " + r.Location()
	empty := record{Schema: recordSchema, Hosts: map[string]recordedHost{}}
	object, err := r.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(r.Bucket), Key: aws.String(r.key()), ExpectedBucketOwner: r.owner()},
		// Servers that keep no checksum would otherwise be logged at every read.
		func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return empty, "", nil
	}
	if err != nil {
		return record{}, "", fault.New(fault.Failed, op, err, "infra doctor "+r.Environment)
	}
	const most = 4 << 20
	body, err := io.ReadAll(io.LimitReader(object.Body, most))
	if err = errors.Join(err, object.Body.Close()); err != nil {
		return record{}, "", fault.New(fault.Failed, op, err, "")
	}
	got := empty
	if err := json.Unmarshal(body, &got); err != nil || got.Schema != recordSchema {
		if err == nil {
			err = fmt.Errorf("its schema is %q, not %s", got.Schema, recordSchema)
		}
		return record{}, "", fault.New(fault.Failed, op, err,
			"restore an earlier version of the object, or delete it: keys of instances that still show them on their console are fetched again")
	}
	if got.Hosts == nil {
		got.Hosts = map[string]recordedHost{}
	}
	for id, host := range got.Hosts {
		for _, key := range host.Keys {
			kind, encoded, _ := strings.Cut(key, " ")
			if !wellFormed(kind, encoded) {
				return record{}, "", fault.New(fault.Failed, op, fmt.Errorf("the key of %q is malformed", id), "restore an earlier version of the object")
			}
		}
	}
	return got, aws.ToString(object.ETag), nil
}

// errChanged says that somebody else wrote the record meanwhile.
var errChanged = errors.New("the record changed meanwhile")

// write replaces the record that had the ETag, or creates it.
func (r Record) write(ctx context.Context, content record, etag string) error {
	body, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	input := &s3.PutObjectInput{
		Bucket: aws.String(r.Bucket), Key: aws.String(r.key()), ExpectedBucketOwner: r.owner(),
		Body: bytes.NewReader(append(body, '\n')), ContentType: aws.String("application/json"),
	}
	if etag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = aws.String(etag)
	}
	_, err = r.Client.PutObject(ctx, input)
	var response *awshttp.ResponseError
	if errors.As(err, &response) && slices.Contains([]int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound}, response.HTTPStatusCode()) {
		return errChanged
	}
	if err != nil {
		return fault.New(fault.Failed, "write the host keys to "+r.Location(), err, "infra doctor "+r.Environment)
	}
	return nil
}

// update adds hosts to the record and drops gone ones, again and again until
// nobody wrote in between. Keys recorded by another run for the same instance
// win only if they are the same: different ones are refused.
func (r Record) update(ctx context.Context, current record, etag string, found map[string]recordedHost, gone []string) error {
	const attempts = 8
	for attempt := range attempts {
		merged, changed, err := merge(current, found, gone)
		if err != nil {
			return fault.New(fault.Refused, "write the host keys to "+r.Location(), err, "find out who else writes there before going on")
		}
		if !changed {
			return nil
		}
		if err = r.write(ctx, merged, etag); !errors.Is(err, errChanged) {
			return err
		}
		pause := time.Duration(50+rand.IntN(100*(attempt+1))) * time.Millisecond //nolint:gosec // jitter, not a secret
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		if current, etag, err = r.read(ctx); err != nil {
			return err
		}
	}
	return fault.New(fault.Locked, "write the host keys to "+r.Location(), errChanged, "run the command again")
}

// merge is current with the found hosts and without the gone ones, and
// whether that differs from current.
func merge(current record, found map[string]recordedHost, gone []string) (record, bool, error) {
	merged := record{Schema: recordSchema, Hosts: map[string]recordedHost{}}
	for id, host := range current.Hosts {
		merged.Hosts[id] = host
	}
	changed := false
	for id, host := range found {
		if known, ok := merged.Hosts[id]; ok {
			if !slices.Equal(known.Keys, host.Keys) {
				return record{}, false, fmt.Errorf("other keys than those on the console are recorded for instance %s", id)
			}
			continue
		}
		merged.Hosts[id] = host
		changed = true
	}
	for _, id := range gone {
		if _, ok := merged.Hosts[id]; ok {
			delete(merged.Hosts, id)
			changed = true
		}
	}
	return merged, changed, nil
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
