package state

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/fault"
)

// recoveryAlias names the key that encrypts second copies in a region; the
// Terraform layer postgresql knows it by that name alone.
const recoveryAlias = "alias/infra-recovery"

// RecoveryKeyDescription is how that key describes itself.
const RecoveryKeyDescription = "Encrypts the second copies that infra keeps of environments in other regions"

// replacedDays is how long the life cycle keeps what was deleted or replaced
// in a bucket of second copies.
const replacedDays = 30

// NewRecovery is the bucket of an environment's second copies, in the region
// of cfg: what the loss of the environment's own region leaves. infra makes it
// as it makes the state bucket, for the same reason: it outlives the stacks, so
// it is in no state of theirs. No request is made.
func NewRecovery(cfg aws.Config, name, account string, pathStyle bool, tags map[string]string) *Bucket {
	b := NewBucket(cfg, name, account, pathStyle, tags)
	b.alias, b.purpose, b.rename = recoveryAlias, RecoveryKeyDescription, "give the environment another name: the bucket's is made of it and the account"
	b.settings = b.recoverySettings
	return b
}

// recoverySettings are those of the state bucket, but that deleting works:
// pgBackRest ends old backups itself, and what it deletes keeps its old version
// for a while.
func (b *Bucket) recoverySettings(key string) []setting {
	return []setting{
		b.versioning(), b.encryption(types.ServerSideEncryptionAwsKms, key), b.noPublicAccess(), b.noACLs(),
		b.lifecycle("a life cycle for what was replaced", expiring(types.LifecycleRule{
			ID: aws.String("replaced"), NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(replacedDays)},
		}, "")),
		b.rules("TLS only", policy(tlsOnly(b.arn(b.Name)))),
		b.accessLogs(),
	}
}

// Put writes an object, whatever was there before.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := b.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(b.KeyARN()),
	})
	if err != nil {
		return fault.New(fault.Failed, "write s3://"+b.Name+"/"+key, b.unreachable(ctx, err), "")
	}
	return nil
}

// Get reads an object; one that is not there is ErrAbsent.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	op := "read s3://" + b.Name + "/" + key
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account})
	if status(err) == 404 {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, sizeLimit))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.New(fault.Failed, op, b.unreachable(ctx, err), "")
	}
	return data, nil
}
