package provision

import (
	"context"
	"path/filepath"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/packer"
	"infra/internal/python"
)

// PackImage has Packer make the image of the environment's hosts, in a network of
// the account that is not the environment's: it need not have been applied.
func (p *Platform) PackImage(ctx context.Context, base environment.Image, name string) (Image, error) {
	built := Image{Name: name, Owner: p.Env.Account(), Base: base.Name}
	bin, err := python.Ensure(ctx, p.Project, "ansible", p.told)
	if err != nil {
		return built, err
	}
	env, done, err := p.hostEnvironment(ctx)
	if err != nil {
		return built, err
	}
	defer done()
	p.con.Step("%s: Packer makes %s", p.Env.Name(), name)
	built.ID, err = packer.Build(ctx, p.Project, p.Run.Dir, packer.Variables{
		Name: name, Environment: p.Env.Name(), Region: p.Env.Region(), BaseOwner: base.Owner, BaseName: base.Name,
		User: p.Env.SSH().User, Upgrade: p.Env.Settings().Hosts.Upgrade, Ansible: filepath.Join(p.Project, "ansible"),
		PlaybookCommand: filepath.Join(bin, "ansible-playbook"), Tags: p.imageTags(base.Name),
	}, account.Pairs(env), p.con.Lines())
	return built, err
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
