package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
)

func newBootstrapCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "bootstrap ENV",
		Short: "Make the environment's state bucket, hardened; a second time changes nothing",
		Args:  environmentArgument,
		RunE:  func(cmd *cobra.Command, args []string) error { return runBootstrap(cmd.Context(), g, args[0]) },
	}, "  infra bootstrap prod", fault.Refused)
}

func runBootstrap(ctx context.Context, g *globals, name string) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	p, err := provision.Open(ctx, project, name, g.con)
	if err != nil {
		return err
	}
	did, err := p.Bootstrap(ctx)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		if did == nil {
			did = []string{}
		}
		return g.con.WriteJSON(map[string]any{"schema": "infra/bootstrap/v1", "environment": name, "bucket": p.Bucket().Name, "did": did})
	}
	for _, line := range did {
		g.con.Step("%s", line)
	}
	if len(did) == 0 {
		g.con.Step("the state bucket %s is as it should be, nothing changed", p.Bucket().Name)
	}
	return nil
}
