package survey

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"infra/internal/audit"
)

// keys are the account's own keys of KMS, not those that AWS keeps for it.
func (s *surveyor) keys(ctx context.Context) error {
	client := kms.NewFromConfig(s.aws)
	var listed []types.KeyListEntry
	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		listed = append(listed, page.Keys...)
	}
	found := make([]*audit.Key, len(listed))
	places := map[string]int{}
	for i, k := range listed {
		places[aws.ToString(k.KeyId)] = i
	}
	err := side(ctx, listed, func(ctx context.Context, k *types.KeyListEntry) (err error) {
		found[places[aws.ToString(k.KeyId)]], err = s.key(ctx, client, k.KeyId)
		return err
	})
	if err != nil {
		return err
	}
	for _, k := range found {
		if k != nil {
			s.facts.Keys = append(s.facts.Keys, *k)
		}
	}
	return nil
}

// key is one of them; nil when it is AWS' or another environment's.
func (s *surveyor) key(ctx context.Context, client *kms.Client, id *string) (*audit.Key, error) {
	described, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: id})
	if err != nil {
		return nil, err
	}
	k := described.KeyMetadata
	if k.KeyManager != types.KeyManagerTypeCustomer {
		return nil, nil // not the account's
	}
	one := &audit.Key{
		Thing:     audit.Thing{Type: "aws_kms_key", ID: aws.ToString(id), Name: aws.ToString(k.Description)},
		Leaving:   k.KeyState == types.KeyStatePendingDeletion,
		Rotatable: k.KeySpec == types.KeySpecSymmetricDefault && k.Origin == types.OriginTypeAwsKms && k.KeyState == types.KeyStateEnabled,
	}
	tagged, err := client.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: id})
	if err != nil {
		return nil, err
	}
	if !s.concerns(one.Thing, tagsOf(tagged.Tags, func(t types.Tag) (key, value *string) { return t.TagKey, t.TagValue })) {
		return nil, nil // another environment's
	}
	if one.Rotatable {
		rotation, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
		if err != nil {
			return nil, err
		}
		one.Rotates = rotation.KeyRotationEnabled
	}
	policy, err := client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: id, PolicyName: aws.String("default")})
	if err != nil {
		return nil, err
	}
	one.Grants, err = audit.ParsePolicy(aws.ToString(policy.Policy))
	return one, err
}
