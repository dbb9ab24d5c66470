package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/run"
	"infra/internal/state"
)

// Image is a machine image of hosts.
type Image struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Owner string `json:"owner"`
	Base  string `json:"base"` // name of the image that it was made of
}

const (
	// imageBuilder is the tag, and the name, of the host that an image is made of.
	imageBuilder = "image-builder"
	// imageLimit bounds how long EC2 may take to stop the host and store its image.
	imageLimit = 30 * time.Minute
)

// BuildImage makes the image of the environment's hosts in its own account: a
// host like the others is made of the base, prepared by the roles that
// configure all hosts, stopped, and kept as an image. The host goes, also when
// something fails.
func (p *Platform) BuildImage(ctx context.Context, base environment.Image, name string, wait run.Wait) (built Image, err error) {
	err = p.Change(ctx, "image build", wait, func(ctx context.Context) (err error) {
		s, err := p.Applied(ctx, platformProduct)
		if err != nil {
			return err
		}
		from, err := p.newestImage(ctx, base)
		if err != nil {
			return err
		}
		if err := p.begun(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Dismiss(ctx, "purpose", imageBuilder)) }()
		host, err := p.prepareImage(ctx, s, aws.ToString(from.ImageId))
		if err != nil {
			return err
		}
		built = Image{Name: name, Owner: p.Env.Account(), Base: aws.ToString(from.Name)}
		built.ID, err = p.keepImage(ctx, host, built)
		return err
	})
	return built, err
}

// newestImage is the one that a new host would be made of, as the product's
// aws_ami asks for it.
func (p *Platform) newestImage(ctx context.Context, wanted environment.Image) (types.Image, error) {
	op := "look for the image " + wanted.Name
	out, err := ec2.NewFromConfig(p.aws).DescribeImages(ctx, &ec2.DescribeImagesInput{
		Owners: []string{wanted.Owner}, Filters: []types.Filter{{Name: aws.String("name"), Values: []string{wanted.Name}}},
	})
	if err != nil {
		return types.Image{}, fault.New(fault.Failed, op, err, "")
	}
	if len(out.Images) == 0 {
		return types.Image{}, fault.New(fault.Failed, op, fmt.Errorf("account %s publishes none in %s", wanted.Owner, p.Env.Region()),
			"infra image build "+p.Env.Name()+" makes one, or set products.pipeline.image")
	}
	return slices.MaxFunc(out.Images, func(a, b types.Image) int {
		return strings.Compare(aws.ToString(a.CreationDate), aws.ToString(b.CreationDate))
	}), nil
}

// prepareImage makes the host and has the roles prepare it.
func (p *Platform) prepareImage(ctx context.Context, s *state.State, from string) (inventory.Host, error) {
	inv, err := p.Inventory(s)
	if err != nil {
		return inventory.Host{}, err
	}
	like := slices.DeleteFunc(slices.Clone(inv.Hosts()), inventory.Host.IsBastion)
	p.con.Step("%s: making a host of %s", p.Env.Name(), from)
	guest, err := p.Receive(ctx, s, GuestOrder{
		Name: imageBuilder, Like: like, Image: from, DataGB: 1, Group: "postgresql", Tags: map[string]string{"purpose": imageBuilder},
	})
	if err != nil {
		return guest.Host, err
	}
	defer p.Depart(guest)
	_, err = p.Play(ctx, guest, "image.yml", nil)
	return guest.Host, err
}

// keepImage stops the host and makes the image of it.
func (p *Platform) keepImage(ctx context.Context, host inventory.Host, image Image) (string, error) {
	op := "make the image " + image.Name
	client := ec2.NewFromConfig(p.aws)
	p.con.Step("%s: storing %s", p.Env.Name(), image.Name)
	if _, err := client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{host.ID}}); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	stopped := ec2.NewInstanceStoppedWaiter(client, func(o *ec2.InstanceStoppedWaiterOptions) { o.MinDelay = time.Second })
	if err := stopped.Wait(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{host.ID}}, imageLimit); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	out, err := client.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: aws.String(host.ID), Name: aws.String(image.Name), Description: aws.String("hosts of " + p.Env.Name() + ", made of " + image.Base),
		// The data volume is the host's own: the image has the root alone.
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: aws.String(dataDevice), NoDevice: aws.String("")}},
		TagSpecifications:   []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: tagList(p.imageTags(image.Base))}},
	})
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	available := ec2.NewImageAvailableWaiter(client, func(o *ec2.ImageAvailableWaiterOptions) { o.MinDelay = time.Second })
	if err := available.Wait(ctx, &ec2.DescribeImagesInput{ImageIds: []string{aws.ToString(out.ImageId)}}, imageLimit); err != nil {
		return aws.ToString(out.ImageId), fault.New(fault.Failed, op, err, "")
	}
	return aws.ToString(out.ImageId), nil
}
