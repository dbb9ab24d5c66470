package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/ansible"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/python"
	"infra/internal/run"
	"infra/internal/ssh"
	"infra/internal/state"
)

// GuestLayer is the layer, role and inventory group of guests.
const GuestLayer = "guest"

// Guest is a host of an environment that no state knows: it is made for one
// purpose, like a host that there is, and is no node of anything. Its tags say
// which run made it, so that `infra recover` finds it.
type Guest struct {
	Host   inventory.Host
	Client *ssh.Client // reaches it, and all other hosts
	Asked  time.Time   // when EC2 was asked for it

	inventory *inventory.Inventory
	dir       string
}

// GuestOrder says what a guest is to be.
type GuestOrder struct {
	Name   string           // of the host
	Like   []inventory.Host // the first that EC2 still knows is the model
	Image  string           // that it is made of; empty: that of the model's
	DataGB int              // size of the volume `data`; 0: that of the model's
	Group  string           // whose variables it gets
	Tags   map[string]string
}

// Receive makes a guest and waits until it can be logged in to. A guest that
// was made is returned with the error too: the caller dismisses it.
func (p *Platform) Receive(ctx context.Context, s *state.State, order GuestOrder) (*Guest, error) {
	asked := time.Now()
	host, err := p.launch(ctx, order)
	guest := &Guest{Host: host, Asked: asked, dir: filepath.Join(p.Run.Dir, order.Name)}
	if err != nil {
		return guest, err
	}
	p.Touched(host, "made")
	return guest, p.welcome(ctx, s, guest, order.Group)
}

// welcome opens the way to a guest.
func (p *Platform) welcome(ctx context.Context, s *state.State, guest *Guest, group string) error {
	if err := os.MkdirAll(guest.dir, 0o700); err != nil {
		return fault.New(fault.Failed, "reach "+guest.Host.Label(), err, "")
	}
	var err error
	if guest.inventory, err = p.withGuests(s, group, guest.Host); err != nil {
		return err
	}
	if guest.Client, err = p.Reach(ctx, guest.inventory, guest.dir, bootLimit); err != nil {
		return err
	}
	hosts := []inventory.Host{guest.Host}
	return p.await(ctx, hosts, func() error { return guest.Client.Wait(ctx, hosts, bootLimit) })
}

// Borrow treats a host of the state as a guest: what is done to guests can be
// done to it before it is configured as what it is. The caller departs.
func (p *Platform) Borrow(ctx context.Context, s *state.State, host inventory.Host, group string) (*Guest, error) {
	if err := p.begun(ctx); err != nil {
		return nil, err
	}
	host.Layer, host.Role = GuestLayer, GuestLayer
	guest := &Guest{Host: host, Asked: time.Now(), dir: filepath.Join(p.Run.Dir, "borrowed-"+host.Name)}
	return guest, p.welcome(ctx, s, guest, group)
}

// withGuests is the inventory of the state, and guests with the variables of
// one of its groups.
func (p *Platform) withGuests(s *state.State, group string, guests ...inventory.Host) (*inventory.Inventory, error) {
	op := "make the inventory of " + p.Env.Name()
	read, err := inventory.Read(s.Values())
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	read.Variables[GuestLayer] = maps.Clone(read.Variables[group])
	hosts := slices.DeleteFunc(read.Hosts, func(h inventory.Host) bool { // one that was borrowed is in the state too
		return slices.ContainsFunc(guests, func(g inventory.Host) bool { return g.ID == h.ID })
	})
	return inventory.New(append(hosts, guests...), read.Variables,
		inventory.Common{Environment: p.Env.Name(), Region: p.Env.Region(), User: p.Env.SSH().User})
}

// Guests is the inventory of the state with the guests that were made to be
// kept, for the way to them.
func (p *Platform) Guests(ctx context.Context, s *state.State) (*inventory.Inventory, error) {
	kept, err := p.KeptGuests(ctx)
	if err != nil {
		return nil, err
	}
	return p.withGuests(s, GuestLayer, kept...)
}

// Play runs a playbook on a guest alone.
func (p *Platform) Play(ctx context.Context, guest *Guest, file string, variables map[string]any) (ansible.Result, error) {
	bin, err := python.Ensure(ctx, p.Project, "ansible", p.told)
	if err != nil {
		return ansible.Result{}, err
	}
	all := hostVariables(p.Env.Settings())
	maps.Copy(all, variables)
	return p.play(ctx, playing{
		inv: guest.inventory, hosts: []inventory.Host{guest.Host}, client: guest.Client, bin: bin, dir: guest.dir, file: file, variables: all,
	})
}

// Depart closes the way to a guest, which stays.
func (p *Platform) Depart(guest *Guest) {
	if guest != nil && guest.Client != nil {
		p.close(guest.Client)
		guest.Client = nil
	}
}

// dismissLimit bounds how long the removal of a guest may take.
const dismissLimit = 15 * time.Minute

// Dismiss removes guests of the environment with their volumes: all that carry
// the tag. It goes on when the run is interrupted, and returns when nothing of
// them is left.
func (p *Platform) Dismiss(ctx context.Context, key, value string) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), dismissLimit, fmt.Errorf("not within %s", dismissLimit))
	defer cancel()
	client := ec2.NewFromConfig(p.aws)
	filters := []types.Filter{
		{Name: aws.String("tag:" + key), Values: []string{value}}, {Name: aws.String("tag:environment"), Values: []string{p.Env.Name()}},
	}
	hosts, err := terminate(ctx, client, filters)
	for _, h := range hosts {
		p.Touched(h, "removed")
	}
	if err = errors.Join(err, deleteVolumes(ctx, client, filters)); err != nil {
		return fault.New(fault.Failed, "remove the hosts tagged "+key+"="+value, err,
			"aws ec2 describe-instances --filters Name=tag:"+key+",Values="+value+" shows what is left: terminate it, it holds a copy of the database")
	}
	return nil
}

// Retire is a run that removes a guest which was kept.
func (p *Platform) Retire(ctx context.Context, verb string, wait run.Wait, name string) error {
	return p.Change(ctx, verb, wait, func(ctx context.Context) error {
		if err := p.begun(ctx); err != nil {
			return err
		}
		return p.Dismiss(ctx, KeptTag, name)
	})
}
