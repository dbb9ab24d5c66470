package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// What Read finds in place of a state.
var (
	// ErrAbsent says that a stack has no state: it was never applied.
	ErrAbsent = errors.New("there is no state yet")
	// ErrUnreadable says that the object is there and holds no state: it is in
	// both of the following.
	ErrUnreadable = errors.New("the state cannot be used")
	// ErrEmpty says that the object has zero bytes. Terraform takes that for a
	// stack that was never applied.
	ErrEmpty = fmt.Errorf("%w: its object is empty (zero bytes); applying now would create everything a second time", ErrUnreadable)
	// ErrCorrupt says that the object holds something that is no state.
	ErrCorrupt = fmt.Errorf("%w: it is corrupt", ErrUnreadable)
)

// sizeLimit bounds a state file; Terraform itself struggles long before.
const sizeLimit = 256 << 20

// Read gets the state at key. A stack that was never applied is ErrAbsent.
// An object that holds no state is ErrEmpty or ErrCorrupt, and the State that
// comes with it has what is known all the same: Raw, SHA256, ETag, VersionID.
func (b *Bucket) Read(ctx context.Context, key string) (*State, error) {
	return b.read(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account})
}

// ReadVersion gets an earlier version of the state at key by its S3 version
// ID. A version that does not exist, or at which the state was deleted, is
// ErrAbsent.
func (b *Bucket) ReadVersion(ctx context.Context, key, versionID string) (*State, error) {
	return b.read(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key, VersionId: &versionID, ExpectedBucketOwner: &b.Account})
}

func (b *Bucket) read(ctx context.Context, in *s3.GetObjectInput) (*State, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	op := "read the state " + *in.Key
	out, err := b.s3.GetObject(ctx, in)
	if err != nil {
		switch status(err) {
		case 404, 405: // 405: the version is a delete marker
			return nil, ErrAbsent
		case 400:
			if in.VersionId != nil { // "Invalid version id specified"
				return nil, ErrAbsent
			}
		}
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
	}
	raw, err := io.ReadAll(io.LimitReader(out.Body, sizeLimit+1))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
	}
	if len(raw) > sizeLimit {
		return nil, fault.New(fault.Failed, op, fmt.Errorf("it is larger than %d MiB", sizeLimit>>20), "")
	}
	s, err := Parse(raw)
	if err != nil {
		s = &State{Raw: raw, SHA256: digest(raw)}
		err = fault.New(fault.Failed, fmt.Sprintf("read the state s3://%s/%s", b.Name, *in.Key), err, "infra state history "+flags(*in.Key))
	}
	s.VersionID, s.ETag = aws.ToString(out.VersionId), aws.ToString(out.ETag)
	return s, err
}

// flags names the stack of a state's key as the state commands want it.
func flags(key string) string {
	product, _, _ := strings.Cut(key, "/")
	return environment(key) + " --product " + product
}

// environment is that of a state's key: <product>/<environment>/...
func environment(key string) string {
	_, rest, _ := strings.Cut(key, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// Write puts a state at key in place of the one that was read before, nil
// for none. It fails with a Refused fault when somebody else has written
// meanwhile. Terraform's lock should be held, since Terraform writes without
// looking. The state that is stored now comes back.
func (b *Bucket) Write(ctx context.Context, key string, raw []byte, replaces *State) (*State, error) {
	op := fmt.Sprintf("write the state s3://%s/%s", b.Name, key)
	s, err := Parse(raw)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	in := &s3.PutObjectInput{
		Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account, Body: bytes.NewReader(raw),
		ContentType:          aws.String("application/json"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(b.KeyARN()),
	}
	if replaces == nil {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &replaces.ETag
	}
	for attempt := range conflictAttempts {
		var out *s3.PutObjectOutput
		out, err = b.s3.PutObject(ctx, in)
		if err == nil {
			s.VersionID, s.ETag = aws.ToString(out.VersionId), aws.ToString(out.ETag)
			return s, nil
		}
		// 412: it is another object now, unless the answer to our own write was
		// lost and the SDK wrote a second time. 409: two wrote at once.
		if code := status(err); code != 412 && code != 409 && code != 404 {
			return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
		}
		now, readErr := b.Read(ctx, key)
		if readErr == nil && now.SHA256 == s.SHA256 {
			return now, nil
		}
		if status(err) != 409 {
			break
		}
		if waitErr := pause(ctx, attempt); waitErr != nil {
			return nil, fault.New(fault.Failed, op, b.unreachable(ctx, waitErr), "infra doctor")
		}
		in.Body = bytes.NewReader(raw)
	}
	return nil, fault.New(fault.Refused, op, errors.New("somebody else has written it since it was read; nothing was changed"),
		"try again: it starts from the state as it is now")
}

// conflictAttempts is how often a write is tried again that S3 could not
// decide because another was under way.
const conflictAttempts = 6

// pause waits a little longer with each attempt.
func pause(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(jitter(attempt)):
		return nil
	}
}
