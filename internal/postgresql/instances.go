package postgresql

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// fenceTag is what a node puts on the instance of a primary that it has
// stopped, before it is promoted in its place.
const fenceTag = "fenced"

// readInstances asks EC2 for the nodes' instances, by id.
func readInstances(ctx context.Context, client *ec2.Client, nodes []Node) (map[string]types.Instance, error) {
	ids := make([]string, 0, len(nodes))
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	// By a filter: an instance that is long gone is no error then.
	found, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{
		Filters: []types.Filter{{Name: aws.String("instance-id"), Values: ids}},
	})
	if err != nil {
		return nil, err
	}
	instances := map[string]types.Instance{}
	for _, reservation := range found.Reservations {
		for _, instance := range reservation.Instances {
			instances[aws.ToString(instance.InstanceId)] = instance
		}
	}
	return instances, nil
}

// judgeInstances notes in the nodes what EC2 says of them, and what of that
// is a problem.
func (s *Status) judgeInstances(instances map[string]types.Instance, err error) {
	if err != nil {
		s.problem("the instances could not be asked: %s", gist(err))
		return
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		instance, ok := instances[n.ID]
		if !ok || instance.State == nil {
			n.Instance = "gone"
			s.problem("the instance %s of %s does not exist any more", n.ID, n.Name)
			continue
		}
		n.Instance = string(instance.State.Name)
		n.Fenced = tagOf(instance, fenceTag)
		if n.Fenced == "" {
			if n.Instance != string(types.InstanceStateNameRunning) {
				s.problem("the instance of %s is %s", n.Name, n.Instance)
			}
			continue
		}
		what := fmt.Sprintf("%s is fenced (%s), its instance is %s", n.Name, n.Fenced, n.Instance)
		if n.Writable {
			what += ", and it takes writes"
		}
		s.problem("%s", what)
	}
}

func tagOf(instance types.Instance, key string) string {
	for _, tag := range instance.Tags {
		if aws.ToString(tag.Key) == key {
			// A tag without a value is a tag all the same.
			return cmp.Or(aws.ToString(tag.Value), "yes")
		}
	}
	return ""
}
