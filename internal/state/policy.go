package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// statement is one of a bucket's policy.
type statement map[string]any

func (b *Bucket) rules(name, policy string) setting {
	return setting{name, func(ctx context.Context, bucket string) bool {
		got, err := b.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account})
		return err == nil && sameJSON(aws.ToString(got.Policy), policy)
	}, func(ctx context.Context, bucket string) error {
		_, err := b.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, ExpectedBucketOwner: &b.Account, Policy: &policy})
		return err
	}}
}

// statePolicy refuses every request that does not come over TLS, and every
// deletion that is not of a lock: states, leases and the ledger are only ever
// replaced, and their earlier versions end by the life cycle alone.
func (b *Bucket) statePolicy() string {
	arn := b.arn(b.Name)
	return policy(tlsOnly(arn), statement{
		"Sid": "KeepStatesAndLedger", "Effect": "Deny", "Principal": "*",
		"Action":      []string{"s3:DeleteObject", "s3:DeleteObjectVersion"},
		"NotResource": arn + "/*" + lockSuffix,
	})
}

// logPolicy lets S3 write the state bucket's access logs, and nobody delete
// them.
func (b *Bucket) logPolicy() string {
	arn := b.arn(b.LogName())
	return policy(tlsOnly(arn), statement{
		"Sid": "AccessLogs", "Effect": "Allow", "Principal": map[string]string{"Service": "logging.s3.amazonaws.com"},
		"Action": "s3:PutObject", "Resource": arn + "/*",
		"Condition": map[string]any{
			"ArnLike":      map[string]string{"aws:SourceArn": b.arn(b.Name)},
			"StringEquals": map[string]string{"aws:SourceAccount": b.Account},
		},
	}, statement{
		"Sid": "KeepAccessLogs", "Effect": "Deny", "Principal": "*",
		"Action":   []string{"s3:DeleteObject", "s3:DeleteObjectVersion"},
		"Resource": arn + "/*",
	})
}

func (b *Bucket) arn(bucket string) string {
	return fmt.Sprintf("arn:%s:s3:::%s", Partition(b.Region), bucket)
}

func tlsOnly(arn string) statement {
	return statement{
		"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
		"Resource":  []string{arn, arn + "/*"},
		"Condition": map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
	}
}

func policy(statements ...statement) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // plain maps of strings always marshal
	}
	return string(text)
}

func sameJSON(a, b string) bool {
	var left, right any
	if json.Unmarshal([]byte(a), &left) != nil || json.Unmarshal([]byte(b), &right) != nil {
		return false
	}
	one, err1 := json.Marshal(left)
	two, err2 := json.Marshal(right)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}
