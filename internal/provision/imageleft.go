package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
)

// dismissBuilder removes what a Packer that was killed has left: its host, and
// then the key and the security group that it had made for it. It goes on when
// the run is interrupted.
func (p *Platform) dismissBuilder(ctx context.Context) error {
	if err := p.Dismiss(ctx, "purpose", imageBuilder); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), dismissLimit, fmt.Errorf("not within %s", dismissLimit))
	defer cancel()
	client := ec2.NewFromConfig(p.aws)
	filters := []types.Filter{
		{Name: aws.String("tag:purpose"), Values: []string{imageBuilder}}, {Name: aws.String("tag:environment"), Values: []string{p.Env.Name()}},
	}
	if err := errors.Join(deleteKeys(ctx, client, filters), deleteGroups(ctx, client, filters)); err != nil {
		return fault.New(fault.Failed, "remove what Packer has left", err, "run the same command again: it begins anew and removes it; nothing of it costs anything")
	}
	return nil
}

func deleteKeys(ctx context.Context, client *ec2.Client, filters []types.Filter) error {
	keys, err := client.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{Filters: filters})
	if err != nil {
		return fmt.Errorf("look for keys that are left: %w", err)
	}
	for _, key := range keys.KeyPairs {
		if _, err := client.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: key.KeyName}); err != nil {
			return fmt.Errorf("delete the key %s: %w", aws.ToString(key.KeyName), err)
		}
	}
	return nil
}

func deleteGroups(ctx context.Context, client *ec2.Client, filters []types.Filter) error {
	groups, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: filters})
	if err != nil {
		return fmt.Errorf("look for security groups that are left: %w", err)
	}
	for _, group := range groups.SecurityGroups {
		if _, err := client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId}); err != nil {
			return fmt.Errorf("delete the security group %s: %w", aws.ToString(group.GroupId), err)
		}
	}
	return nil
}
