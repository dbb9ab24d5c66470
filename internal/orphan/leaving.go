package orphan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// keys are those with the environment's tag, and that of its states, which has
// none. One that waits for its deletion is leaving.
func (a Account) keys(ctx context.Context, description string) (left []Resource, leaving []Leaving, err error) {
	client := kms.NewFromConfig(a.AWS)
	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the keys: %w", err)
		}
		for _, k := range page.Keys {
			found, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyId})
			if denied(err) {
				continue // a key of somebody else, who lets nobody look
			}
			if err != nil {
				return nil, nil, fmt.Errorf("look at key %s: %w", aws.ToString(k.KeyId), err)
			}
			own, err := a.ownKey(ctx, client, *found.KeyMetadata, description)
			switch {
			case err != nil:
				return nil, nil, err
			case own && found.KeyMetadata.KeyState == kmstypes.KeyStatePendingDeletion:
				leaving = append(leaving, Leaving{"key " + aws.ToString(k.KeyArn), aws.ToTime(found.KeyMetadata.DeletionDate)})
			case own:
				left = append(left, FromARN(aws.ToString(k.KeyArn), ""))
			}
		}
	}
	return left, leaving, nil
}

func (a Account) ownKey(ctx context.Context, client *kms.Client, key kmstypes.KeyMetadata, description string) (bool, error) {
	if key.KeyManager == kmstypes.KeyManagerTypeAws {
		return false, nil
	}
	if description != "" && aws.ToString(key.Description) == description {
		return true, nil
	}
	out, err := client.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: key.KeyId})
	if denied(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the tags of key %s: %w", aws.ToString(key.KeyId), err)
	}
	return slices.ContainsFunc(out.Tags, func(t kmstypes.Tag) bool {
		return aws.ToString(t.TagKey) == "environment" && aws.ToString(t.TagValue) == a.Environment
	}), nil
}

func denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

// secrets are those with the environment's tag. A deleted one can be had back
// for a while.
func (a Account) secrets(ctx context.Context) (left []Resource, leaving []Leaving, err error) {
	pages := secretsmanager.NewListSecretsPaginator(secretsmanager.NewFromConfig(a.AWS), &secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the secrets: %w", err)
		}
		for _, s := range page.SecretList {
			own := false
			for _, tag := range s.Tags {
				own = own || aws.ToString(tag.Key) == "environment" && aws.ToString(tag.Value) == a.Environment
			}
			switch {
			case !own:
			case s.DeletedDate != nil:
				leaving = append(leaving, Leaving{"secret " + aws.ToString(s.Name), s.DeletedDate.UTC()})
			default:
				left = append(left, FromARN(aws.ToString(s.ARN), ""))
			}
		}
	}
	return left, leaving, nil
}
