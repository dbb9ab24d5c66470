package survey

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"infra/internal/audit"
)

// clusters are EMR's that run.
func (s *surveyor) clusters(ctx context.Context) error {
	client := emr.NewFromConfig(s.aws)
	block, err := client.GetBlockPublicAccessConfiguration(ctx, &emr.GetBlockPublicAccessConfigurationInput{})
	if err != nil {
		return err
	}
	if c := block.BlockPublicAccessConfiguration; c != nil {
		s.facts.EMRBlocks = aws.ToBool(c.BlockPublicSecurityGroupRules) && len(c.PermittedPublicSecurityGroupRuleRanges) == 0
	}
	pages := emr.NewListClustersPaginator(client, &emr.ListClustersInput{ClusterStates: []types.ClusterState{
		types.ClusterStateStarting, types.ClusterStateBootstrapping, types.ClusterStateRunning, types.ClusterStateWaiting,
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, listed := range page.Clusters {
			if err := s.cluster(ctx, client, listed.Id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *surveyor) cluster(ctx context.Context, client *emr.Client, id *string) error {
	described, err := client.DescribeCluster(ctx, &emr.DescribeClusterInput{ClusterId: id})
	if err != nil || described.Cluster == nil {
		return err
	}
	one := audit.Cluster{Thing: audit.Thing{Type: "aws_emr_cluster", ID: aws.ToString(id), Name: aws.ToString(described.Cluster.Name)}}
	if !s.concerns(one.Thing, tagsOf(described.Cluster.Tags, func(t types.Tag) (key, value *string) { return t.Key, t.Value })) {
		return nil
	}
	if name := aws.ToString(described.Cluster.SecurityConfiguration); name != "" {
		found, err := client.DescribeSecurityConfiguration(ctx, &emr.DescribeSecurityConfigurationInput{Name: &name})
		if err != nil {
			return err
		}
		var settings struct {
			EncryptionConfiguration struct {
				EnableAtRestEncryption    bool
				EnableInTransitEncryption bool
			}
		}
		if err := json.Unmarshal([]byte(aws.ToString(found.SecurityConfiguration)), &settings); err != nil {
			return fmt.Errorf("read the security configuration %s: %w", name, err)
		}
		one.AtRest = settings.EncryptionConfiguration.EnableAtRestEncryption
		one.InTransit = settings.EncryptionConfiguration.EnableInTransitEncryption
	}
	s.facts.Clusters = append(s.facts.Clusters, one)
	return nil
}
