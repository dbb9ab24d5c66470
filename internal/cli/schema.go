package cli

import (
	"github.com/spf13/cobra"

	"infra/internal/environment"
)

func newSchemaCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of environment files, for editors",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := g.con.Out().Write(environment.Schema())
			return err
		},
	}, "  infra schema > environments/schema.json")
}
