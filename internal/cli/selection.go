package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/provision"
)

// parallelism is above Terraform's own 10: most of an apply is waiting for
// AWS, and the provider retries what is throttled.
const parallelism = 30

// selectionFlags adds the flags that narrow what a command works on.
func selectionFlags(cmd *cobra.Command, sel *provision.Selection) {
	flags := cmd.Flags()
	flags.StringSliceVar(&sel.Products, "product", nil, "only this product (may be repeated)")
	flags.StringSliceVar(&sel.Layers, "layer", nil, "only this layer (may be repeated)")
	flags.IntVar(&sel.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
}

// begin opens an environment for a run: the selection makes sense, the
// account is the right one, and the run has a directory.
func begin(ctx context.Context, g *globals, name string, sel provision.Selection) (*provision.Platform, error) {
	project, err := g.project()
	if err != nil {
		return nil, err
	}
	if err := sel.Check(); err != nil {
		return nil, err
	}
	p, err := provision.Open(ctx, project, name, g.con)
	if err != nil {
		return nil, err
	}
	if err := p.Begin(); err != nil {
		return nil, err
	}
	return p, nil
}
