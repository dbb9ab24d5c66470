package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/provision"
	"infra/internal/stack"
)

func newValidateCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "validate [ENV]",
		Short: "Check environment files and the Terraform code, without any account",
		Long:  `Checks one environment, or all of them and their ranges against each other, and lets Terraform validate every product.`,
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return runValidate(cmd.Context(), g, args) },
	}, "  infra validate\n  infra validate prod")
}

func runValidate(ctx context.Context, g *globals, names []string) (err error) {
	project, err := g.project()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		envs, err := environment.LoadAll(project)
		if err != nil {
			return err
		}
		for _, env := range envs {
			names = append(names, env.Name())
		}
	}
	for _, name := range names {
		if _, err := environment.Load(project, name); err != nil {
			return err
		}
		g.con.Step("%s: the environment file is valid", name)
	}
	if len(names) == 0 {
		return fmt.Errorf("%s/environments holds no environment", project)
	}
	p, err := provision.Connect(ctx, project, names[0], g.con)
	if err != nil {
		return err
	}
	if err := p.Begin(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Run.Tidy()) }()
	for _, product := range stack.Products().Names() {
		if err := p.Validate(ctx, product); err != nil {
			return err
		}
		g.con.Step("%s: the Terraform code is valid", product)
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{"schema": "infra/validate/v1", "environments": names, "products": stack.Products().Names()})
	}
	return nil
}
