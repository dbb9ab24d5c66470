package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
)

// Machines are the hosts' instances as EC2 has them.
type Machines struct {
	Client *ec2.Client
}

// IDs are the ids of hosts' instances.
func IDs(hosts []inventory.Host) []string {
	ids := make([]string, len(hosts))
	for i, h := range hosts {
		ids[i] = h.ID
	}
	return ids
}

// Stop takes the power from a host; it does not wait until it is off.
func (m Machines) Stop(ctx context.Context, h inventory.Host) error {
	_, err := m.Client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{h.ID}, Force: aws.Bool(true)})
	return err
}

// Start gives a host its power back.
func (m Machines) Start(ctx context.Context, h inventory.Host) error {
	_, err := m.Client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{h.ID}})
	return err
}

// Reboot reboots hosts at once.
func (m Machines) Reboot(ctx context.Context, hosts []inventory.Host) error {
	_, err := m.Client.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: IDs(hosts)})
	return err
}

// States are the states of hosts' instances, by id.
func (m Machines) States(ctx context.Context, hosts []inventory.Host) (map[string]types.InstanceStateName, error) {
	found, err := m.Client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: IDs(hosts)})
	if err != nil {
		return nil, err
	}
	states := map[string]types.InstanceStateName{}
	for _, reservation := range found.Reservations {
		for _, instance := range reservation.Instances {
			if instance.State != nil {
				states[aws.ToString(instance.InstanceId)] = instance.State.Name
			}
		}
	}
	return states, nil
}

// Await waits until a host is in a state.
func (m Machines) Await(ctx context.Context, h inventory.Host, state types.InstanceStateName) error {
	for {
		states, err := m.States(ctx, []inventory.Host{h})
		if err == nil && states[h.ID] == state {
			return nil
		}
		if Pause(ctx, time.Second) != nil {
			return fmt.Errorf("wait for %s to be %s: %w", h.Label(), state, errors.Join(context.Cause(ctx), err))
		}
	}
}

// StartStopped starts those of the hosts that are off.
func (m Machines) StartStopped(ctx context.Context, hosts []inventory.Host) error {
	states, err := m.States(ctx, hosts)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range hosts {
		if s := states[h.ID]; s == types.InstanceStateNameStopped || s == types.InstanceStateNameStopping {
			errs = append(errs, m.Await(ctx, h, types.InstanceStateNameStopped), m.Start(ctx, h))
		}
	}
	return errors.Join(errs...)
}

// Pause waits, and returns the context's error when it ends first.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
