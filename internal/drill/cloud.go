package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
)

// machines are the instances of the cluster as EC2 has them.
type machines struct {
	client  *ec2.Client
	cluster Cluster
}

func ids(all []inventory.Host) []string {
	names := make([]string, len(all))
	for i, h := range all {
		names[i] = h.ID
	}
	return names
}

// look asks EC2 once about all nodes and the elastic address.
func (m machines) look(ctx context.Context) (Look, error) {
	nodes := m.cluster.Nodes()
	found, err := m.client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids(nodes)})
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

// stop takes the power from a node, and returns when it is off.
func (m machines) stop(ctx context.Context, h inventory.Host) error {
	_, err := m.client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{h.ID}, Force: aws.Bool(true)})
	return err
}

func (m machines) start(ctx context.Context, h inventory.Host) error {
	_, err := m.client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{h.ID}})
	return err
}

func (m machines) reboot(ctx context.Context, all []inventory.Host) error {
	_, err := m.client.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: ids(all)})
	return err
}

// await waits until a node is in a state.
func (m machines) await(ctx context.Context, h inventory.Host, state string) error {
	for {
		look, err := m.look(ctx)
		if err == nil && look.States[h.Name] == state {
			return nil
		}
		if pause(ctx, time.Second) != nil {
			return fmt.Errorf("wait for %s to be %s: %w", h.Label(), state, errors.Join(context.Cause(ctx), err))
		}
	}
}

// startStopped starts the nodes that are off.
func (m machines) startStopped(ctx context.Context) error {
	look, err := m.look(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range m.cluster.Nodes() {
		if s := look.States[h.Name]; s == string(types.InstanceStateNameStopped) || s == string(types.InstanceStateNameStopping) {
			errs = append(errs, m.await(ctx, h, string(types.InstanceStateNameStopped)), m.start(ctx, h))
		}
	}
	return errors.Join(errs...)
}

// pause waits, and returns the context's error when it ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
