package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"infra/internal/fault"
)

// KeyUsable refuses to begin while the key of the states cannot be used: it is
// disabled, waits for its deletion, or is gone. S3 would notice only at the
// first write, and with bucket keys not even then. The code of the error is
// Refused and its hint the command that mends the key. Who may use the key but
// not look at it passes: then S3's own answer must do (Probe).
func (b *Bucket) KeyUsable(ctx context.Context) error {
	const op = "check the key that encrypts the states"
	found, err := b.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(b.alias)})
	var missing *kmstypes.NotFoundException
	switch {
	case errors.As(err, &missing):
		return fault.New(fault.Refused, op, fmt.Errorf("there is no key %s in account %s, region %s", b.alias, b.Account, b.Region), "infra bootstrap ENV")
	case err != nil:
		return nil //nolint:nilerr // not allowed to look is not forbidden to use; no answer will show elsewhere
	}
	arn := aws.ToString(found.KeyMetadata.Arn)
	var why error
	command := "enable-key"
	switch state := found.KeyMetadata.KeyState; state {
	case kmstypes.KeyStatePendingDeletion, kmstypes.KeyStatePendingReplicaDeletion:
		command = "cancel-key-deletion"
		why = errors.New("the key " + arn + " waits for its deletion: with it, every state would be lost")
		if date := found.KeyMetadata.DeletionDate; date != nil {
			why = fmt.Errorf("the key %s will be deleted on %s, and every state with it", arn, date.UTC().Format("2006-01-02 15:04 UTC"))
		}
	case kmstypes.KeyStateDisabled:
		why = fmt.Errorf("the key %s is disabled: no state can be read or written", arn)
	default: // enabled, or about to be
		return nil
	}
	return fault.New(fault.Refused, op, why, fmt.Sprintf("aws kms %s --key-id %s --region %s", command, arn, b.Region))
}
