package cli

import (
	"context"
	"errors"
	"os"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/ssh"
)

// reach prepares a way to the hosts for a command that only looks, and takes it
// down when work has ended. work also gets the reason when there is no way: to
// some commands that is an answer.
func reach(ctx context.Context, p *provision.Platform, inv *inventory.Inventory, work func(client *ssh.Client, none error) error) (err error) {
	dir, err := os.MkdirTemp("", "infra-reach-")
	if err != nil {
		return fault.New(fault.Failed, "prepare SSH", err, "")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	client, none := p.Reach(ctx, inv, dir, bootPatience)
	if none != nil {
		return work(nil, none)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return work(client, nil)
}
