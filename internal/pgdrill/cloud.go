package pgdrill

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/drill"
	"infra/internal/inventory"
)

// machines are the instances of the cluster as EC2 has them.
type machines struct {
	drill.Machines
	cluster Cluster
}

// look asks EC2 once about all nodes and the elastic address.
func (m machines) look(ctx context.Context) (Look, error) {
	nodes := m.cluster.Nodes()
	found, err := m.Client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: drill.IDs(nodes)})
	if err != nil {
		return Look{}, err
	}
	look := Look{At: time.Now(), States: map[string]string{}}
	elastic := m.cluster.Endpoint.AllocationID != nil
	if elastic {
		look.Owners = []string{}
	}
	for _, reservation := range found.Reservations {
		for _, instance := range reservation.Instances {
			i := slices.IndexFunc(nodes, func(h inventory.Host) bool { return h.ID == aws.ToString(instance.InstanceId) })
			if i < 0 || instance.State == nil {
				continue
			}
			look.States[nodes[i].Name] = string(instance.State.Name)
			if elastic && aws.ToString(instance.PublicIpAddress) == m.cluster.Endpoint.Address {
				look.Owners = append(look.Owners, nodes[i].Name)
			}
			if slices.ContainsFunc(instance.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == "fenced" }) {
				look.Fenced = append(look.Fenced, nodes[i].Name)
			}
		}
	}
	slices.Sort(look.Owners)
	slices.Sort(look.Fenced)
	return look, nil
}
