package cli

import (
	"github.com/spf13/cobra"

	"infra/internal/provision"
)

// selectionFlags adds the flags that narrow what a command works on.
func selectionFlags(cmd *cobra.Command, sel *provision.Selection) {
	flags := cmd.Flags()
	flags.StringSliceVar(&sel.Products, "product", nil, "only this product (may be repeated)")
	flags.StringSliceVar(&sel.Layers, "layer", nil, "only this layer (may be repeated)")
	flags.IntVar(&sel.Parallelism, "parallelism", 0, "how many resources Terraform works on at once (default: its own)")
}
