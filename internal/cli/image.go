package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
)

// imageOptions are the flags of image build.
type imageOptions struct {
	changeOptions
	name   string
	from   environment.Image
	packer bool
}

func newImageCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "image", Short: "The machine image of the environment's hosts"}
	cmd.AddCommand(newImageBuildCommand(g))
	return cmd
}

func newImageBuildCommand(g *globals) *cobra.Command {
	var o imageOptions
	cmd := describe(&cobra.Command{
		Use:   "build ENV",
		Short: "Make an image with everything that is the same on every host",
		Long: `Makes a host of Debian's image in the environment's network, has the roles that configure all hosts prepare it (packages,
security patches, programs, hardening; no service, no secret, no key, nothing of one host), and keeps it as an image in
the environment's account. A new host made of it is ready sooner, for what is there already is only found unchanged.

Nothing uses the image before products.pipeline.image names it, and no host that runs is replaced then: new hosts get it,
"infra drift" tells which are made of another.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runImageBuild(cmd.Context(), g, args[0], o) },
	}, "  infra image build prod\n  infra image build sandbox --name hosts-2026-11", fault.Refused, fault.Locked, fault.Hosts)
	flags := cmd.Flags()
	flags.StringVar(&o.name, "name", "", "name of the image (default: infra-ENV-TIME)")
	flags.StringVar(&o.from.Owner, "from-owner", environment.DebianOwner, "account that publishes the image it is made of")
	flags.StringVar(&o.from.Name, "from", environment.DebianImage, "name of the image it is made of; * stands for anything, the newest is taken")
	flags.BoolVar(&o.packer, "packer", false, "have Packer make it (ansible/image/hosts.pkr.hcl), where no environment was applied yet")
	dirtyFlag(cmd, &o.allowDirty)
	lockFlag(cmd, &o.sel.Wait)
	return cmd
}

func runImageBuild(ctx context.Context, g *globals, name string, o imageOptions) error {
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	if o.packer { // as before a first apply
		if err := p.EnsureBucket(ctx); err != nil {
			return err
		}
	}
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	if o.name == "" {
		o.name = "infra-" + name + "-" + time.Now().UTC().Format("20060102-150405")
	}
	image, err := buildImage(ctx, p, o)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(struct {
			Schema string `json:"schema"`
			provision.Image
		}{"infra/image/v1", image})
	}
	g.con.Print(fmt.Sprintf(`
%s is %s, made of %s. To have new hosts made of it, put into %s:
  products:
    pipeline:
      image:
        owner: "%s"
        name: %s
`, image.Name, image.ID, image.Base, p.Env.File(), image.Owner, image.Name))
	return nil
}

func buildImage(ctx context.Context, p *provision.Platform, o imageOptions) (provision.Image, error) {
	if !o.packer {
		return p.BuildImage(ctx, o.from, o.name, o.sel.Wait)
	}
	return p.PackImage(ctx, o.from, o.name, o.sel.Wait)
}
