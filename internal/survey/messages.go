package survey

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"infra/internal/audit"
)

// messages are topics and queues.
func (s *surveyor) messages(ctx context.Context) error {
	if err := s.topics(ctx); err != nil {
		return err
	}
	return s.queues(ctx)
}

func (s *surveyor) topics(ctx context.Context) error {
	client := sns.NewFromConfig(s.aws)
	pages := sns.NewListTopicsPaginator(client, &sns.ListTopicsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, t := range page.Topics {
			one := audit.Message{Thing: audit.Thing{Type: "aws_sns_topic", ID: aws.ToString(t.TopicArn)}}
			if !s.concerns(one.Thing, nil) {
				continue
			}
			found, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: t.TopicArn})
			if err != nil {
				return err
			}
			one.Encrypted = found.Attributes["KmsMasterKeyId"] != ""
			if one.Policy, err = audit.ParsePolicy(found.Attributes["Policy"]); err != nil {
				return err
			}
			s.facts.Messages = append(s.facts.Messages, one)
		}
	}
	return nil
}

func (s *surveyor) queues(ctx context.Context) error {
	client := sqs.NewFromConfig(s.aws)
	pages := sqs.NewListQueuesPaginator(client, &sqs.ListQueuesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, address := range page.QueueUrls {
			name := address[strings.LastIndex(address, "/")+1:]
			one := audit.Message{Thing: audit.Thing{Type: "aws_sqs_queue", ID: address, Name: name}}
			if !s.concerns(one.Thing, nil) || !s.concerns(audit.Thing{ID: name}, nil) {
				continue
			}
			found, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &address, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
			if err != nil {
				return err
			}
			one.Encrypted = found.Attributes["KmsMasterKeyId"] != "" || found.Attributes["SqsManagedSseEnabled"] == "true"
			if one.Policy, err = audit.ParsePolicy(found.Attributes["Policy"]); err != nil {
				return err
			}
			s.facts.Messages = append(s.facts.Messages, one)
		}
	}
	return nil
}
