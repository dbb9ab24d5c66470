package state

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/fault"
)

// lockSuffix is what Terraform appends to a state's key for its lock object.
const lockSuffix = ".tflock"

// lockVersion is what infra's own locks say in their field Version. It
// only tells people which format the lock has.
const lockVersion = "1.11.4"

// Lock is the lock object of a state: Terraform's, or one that infra itself
// took by Bucket.Lock. The exported JSON fields are Terraform 1.11's.
type Lock struct {
	ID        string    `json:"ID"`
	Operation string    `json:"Operation"` // OperationTypeApply, OperationTypePlan, ...
	Info      string    `json:"Info"`      // of infra's own locks: "infra run ID"
	Who       string    `json:"Who"`       // user@host
	Version   string    `json:"Version"`   // of Terraform
	Created   time.Time `json:"Created"`   // by the holder's clock
	Path      string    `json:"Path"`      // bucket/key of the state

	Key      string    `json:"-"` // of the state that is locked
	Modified time.Time `json:"-"` // when it was taken, by the server's clock
}

// String names a lock for people.
func (l Lock) String() string {
	text := fmt.Sprintf("%s of %s, taken by %s at %s (lock ID %s)", l.Operation, l.Key, l.Who, l.Created.UTC().Format(time.RFC3339), l.ID)
	if l.Info != "" {
		text += ", " + l.Info
	}
	return text
}

// Lock takes Terraform's own lock of the state at key, so that no Terraform
// works on it meanwhile. operation and run tell others what it is for. A
// lock that somebody holds is a Locked fault that names the holder. unlock
// must be called once; it takes the caller's context because the run's may
// have ended.
func (b *Bucket) Lock(ctx context.Context, key, operation, run string) (unlock func(context.Context) error, err error) {
	lock := Lock{
		ID: uuid(), Operation: operation, Info: "infra run " + run, Who: who(), Version: lockVersion,
		Created: time.Now().UTC(), Path: b.Name + "/" + key, Key: key,
	}
	body, err := json.Marshal(lock)
	if err != nil {
		return nil, fmt.Errorf("write a lock: %w", err)
	}
	op := "lock the state " + key
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for attempt := range conflictAttempts {
		_, err = b.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.Name, Key: aws.String(key + lockSuffix), ExpectedBucketOwner: &b.Account,
			Body: bytes.NewReader(body), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
		})
		if err == nil {
			return func(ctx context.Context) error { return b.Unlock(ctx, lock) }, nil
		}
		if code := status(err); code != 412 && code != 409 {
			return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
		}
		held, readErr := b.lock(ctx, key)
		switch {
		case readErr != nil:
			return nil, readErr
		case held != nil && held.ID == lock.ID: // the answer to our own write was lost
			return func(ctx context.Context) error { return b.Unlock(ctx, lock) }, nil
		case held != nil:
			return nil, fault.New(fault.Locked, op, errors.New("it is locked: "+held.String()),
				"the same command with --lock-timeout 5m waits; infra runs "+environment(key)+" shows who works; infra recover "+environment(key)+" if that is dead")
		}
		if err := pause(ctx, attempt); err != nil { // it was given back between the two requests
			return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
		}
	}
	return nil, fault.New(fault.Locked, op, errors.New("others take it faster than it can be had"), "try again")
}

// Locks are the locks that are held on the states at keys, in their order.
func (b *Bucket) Locks(ctx context.Context, keys ...string) ([]Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var locks []Lock
	for _, key := range keys {
		held, err := b.lock(ctx, key)
		if err != nil {
			return nil, err
		}
		if held != nil {
			locks = append(locks, *held)
		}
	}
	return locks, nil
}

// lock reads the lock of a state; nil when there is none.
func (b *Bucket) lock(ctx context.Context, key string) (*Lock, error) {
	op := "read the lock of the state " + key
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: aws.String(key + lockSuffix), ExpectedBucketOwner: &b.Account})
	if err != nil {
		if status(err) == 404 {
			return nil, nil //nolint:nilnil // a lock that is not there is no error
		}
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, lockLimit))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
	}
	held := Lock{}
	if err := json.Unmarshal(body, &held); err != nil {
		held = Lock{Operation: "an unreadable lock", Who: "somebody"} // it locks all the same
	}
	held.Key, held.Modified = key, aws.ToTime(out.LastModified)
	return &held, nil
}

// lockLimit bounds a lock object; Terraform's have a few hundred bytes.
const lockLimit = 64 << 10

// Unlock removes a lock, if it is still the one that was seen: a lock that
// is another's by now is a Refused fault, one that is gone no error.
func (b *Bucket) Unlock(ctx context.Context, lock Lock) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	op := "unlock the state " + lock.Key
	held, err := b.lock(ctx, lock.Key)
	switch {
	case err != nil:
		return err
	case held == nil:
		return nil
	case held.ID != lock.ID:
		return fault.New(fault.Refused, op, errors.New("the lock is another one now: "+held.String()), "")
	}
	_, err = b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: aws.String(lock.Key + lockSuffix), ExpectedBucketOwner: &b.Account})
	if err != nil {
		return fault.New(fault.Failed, op, b.unreachable(ctx, err),
			fmt.Sprintf("aws s3 rm s3://%s/%s, once S3 answers", b.Name, lock.Key+lockSuffix))
	}
	return nil
}

// Probe finds out, before anything starts, whether the lock of the state at
// key could be taken and given back: whoever may put a lock but not delete it
// would leave the stack locked.
func (b *Bucket) Probe(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	probe := strings.TrimSuffix(key, lockSuffix) + ".probe" + lockSuffix
	op := "check that the state " + key + " can be locked and unlocked"
	_, err := b.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.Name, Key: &probe, ExpectedBucketOwner: &b.Account, Body: strings.NewReader("{}")})
	verb := "s3:PutObject"
	if err == nil {
		_, err = b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &probe, ExpectedBucketOwner: &b.Account})
		verb = "s3:DeleteObject"
	}
	switch {
	case err == nil:
		return nil
	case status(err) == 403:
		return fault.New(fault.Refused, op, fmt.Errorf("these credentials may not %s there; Terraform would leave the state locked", verb),
			fmt.Sprintf("allow %s on arn:%s:s3:::%s/*%s", verb, Partition(b.Region), b.Name, lockSuffix))
	default:
		return fault.New(fault.Failed, op, b.unreachable(ctx, err), "infra doctor")
	}
}

// uuid is a random UUID (version 4), as Terraform's lock IDs are.
func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// who is user@host, as Terraform writes it.
func who() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// jitter is how long to wait before attempt+1: at most 50 ms, doubled with
// each attempt.
func jitter(attempt int) time.Duration {
	most := 50 * time.Millisecond << min(attempt, 6)
	return most/4 + mrand.N(most*3/4) //nolint:gosec // spreads retries, guards nothing
}
