package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/host"
)

// networks makes and removes the bridges of subnets, one at a time.
type networks struct {
	machine *host.Machine
	mu      sync.Mutex
	made    map[string]string // subnet to its VPC
}

// ensure makes the network of a subnet, unless it is there.
func (n *networks) ensure(ctx context.Context, subnet emulator.Subnet) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, found := n.made[subnet.ID]; found {
		return nil
	}
	if err := n.machine.EnsureNetwork(ctx, subnet); err != nil {
		return err
	}
	if n.made == nil {
		n.made = map[string]string{}
	}
	n.made[subnet.ID] = subnet.VPC
	return nil
}

// vpcs are those that have networks, or are about to have them.
func (n *networks) vpcs(now *state) map[string]bool {
	vpcs := map[string]bool{}
	for _, subnet := range now.plan.Subnets {
		vpcs[subnet.VPC] = true
	}
	return vpcs
}

// sweep removes the networks of subnets without hosts. current is read while
// no network is made, so a network that is needed again stays.
func (n *networks) sweep(ctx context.Context, current func() *state) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	needed := map[string]bool{}
	for _, subnet := range current().plan.Subnets {
		needed[subnet.ID] = true
	}
	var errs []error
	for id := range n.made {
		if needed[id] {
			continue
		}
		if err := n.machine.RemoveNetwork(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("try again soon: %w", err))
			continue
		}
		delete(n.made, id)
	}
	return errors.Join(errs...)
}
