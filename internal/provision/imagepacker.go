package provision

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/packer"
	"infra/internal/python"
	"infra/internal/run"
)

// PackImage has Packer make the image of the environment's hosts, in a network of
// the account that is not the environment's: it need not have been applied.
// Packer removes its host; what it could not remove goes all the same.
func (p *Platform) PackImage(ctx context.Context, base environment.Image, name string, wait run.Wait) (built Image, err error) {
	if _, err := packer.Find(); err != nil {
		return built, err
	}
	bin, err := python.Ensure(ctx, p.Project, "ansible", p.told)
	if err != nil {
		return built, err
	}
	err = p.Change(ctx, "image build", wait, func(ctx context.Context) (err error) {
		from, err := p.newestImage(ctx, base)
		if err != nil {
			return err
		}
		env, done, err := p.hostEnvironment(ctx)
		if err != nil {
			return err
		}
		defer done()
		// The SDK of Packer's plugin may be too old to read it from a file.
		if file := env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]; file != "" {
			token, err := os.ReadFile(file)
			if err != nil {
				return fault.New(fault.Failed, "hand credentials to Packer", err, "")
			}
			env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = string(token)
		}
		if err := p.begun(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.dismissBuilder(ctx)) }()
		built = Image{Name: name, Owner: p.Env.Account(), Base: aws.ToString(from.Name)}
		p.con.Step("%s: Packer makes %s of %s", p.Env.Name(), name, built.Base)
		defer p.con.Live("") // Packer's last line
		build := packer.Build{
			Project: p.Project, Dir: p.Run.Dir, Environment: append(account.Pairs(env), packer.Environment()...), Supervise: p.supervision(), Log: p.con.Lines(),
		}
		built.ID, err = build.Run(ctx, packer.Variables{
			Name: name, Environment: p.Env.Name(), Region: p.Env.Region(), Endpoint: p.Env.Endpoint(), Base: aws.ToString(from.ImageId),
			RootDevice: rootDevice(from.RootDeviceName), RootGB: rootGB(from), User: p.Env.SSH().User, AllowedCIDRs: p.Env.Pipeline().VPC.BastionAllowedCIDRs, Upgrade: p.Env.Settings().Hosts.Upgrade,
			Ansible: filepath.Join(p.Project, "ansible"), PlaybookCommand: filepath.Join(bin, "ansible-playbook"),
			Tags: p.imageTags(built.Base), BuilderTags: p.GuestTags(imageBuilder, map[string]string{"purpose": imageBuilder}),
		})
		return err
	})
	return built, err
}

// rootGB is how large the root device of an image is; Debian's where it does not
// say.
func rootGB(image types.Image) int32 {
	for _, m := range image.BlockDeviceMappings {
		if aws.ToString(m.DeviceName) == rootDevice(image.RootDeviceName) && m.Ebs != nil && m.Ebs.VolumeSize != nil {
			return *m.Ebs.VolumeSize
		}
	}
	return debianRootGB
}

// imageTags say whose image it is, and what it was made of.
func (p *Platform) imageTags(base string) map[string]string {
	tags := p.Env.Tags()
	if tags == nil {
		tags = map[string]string{}
	}
	tags["environment"], tags["managed_by"], tags["base"], tags["commit"] = p.Env.Name(), "infra", base, p.Code.Commit
	return tags
}
