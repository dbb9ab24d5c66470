package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/stack"
	"infra/internal/state"
)

func newOutputCommand(g *globals) *cobra.Command {
	var product string
	cmd := describe(&cobra.Command{
		Use:   "output ENV [NAME]",
		Short: "Print the outputs of the environment's states, read straight from S3",
		Long:  `Prints outputs as JSON without starting Terraform. Sensitive outputs are shown only when named.`,
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runOutput(cmd.Context(), g, args[0], product, args[1:])
		},
	}, "  infra output prod\n  infra output prod vpc --product pipeline")
	cmd.Flags().StringVar(&product, "product", "", "only this product")
	return cmd
}

func runOutput(ctx context.Context, g *globals, name, product string, wanted []string) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	var selected []string
	if product != "" {
		selected = []string{product}
	}
	products, err := stack.Select(selected)
	if err != nil {
		return err
	}
	p, err := provision.Connect(ctx, project, name, g.con)
	if err != nil {
		return err
	}
	found := map[string]map[string]json.RawMessage{}
	known := []string{}
	for _, product := range products {
		s, err := p.State(ctx, product)
		if errors.Is(err, state.ErrAbsent) {
			continue
		}
		if err != nil {
			return err
		}
		found[product] = map[string]json.RawMessage{}
		for output, o := range s.Outputs {
			known = append(known, output)
			if len(wanted) == 1 && wanted[0] == output {
				return g.con.WriteJSON(o.Value)
			}
			if o.Sensitive {
				o.Value = json.RawMessage(`"(sensitive)"`)
			}
			found[product][output] = o.Value
		}
	}
	if len(wanted) == 1 {
		sort.Strings(known)
		return fault.New(fault.Usage, "read an output of "+name, fmt.Errorf("there is no output %q; there are %v", wanted[0], known), "infra output "+name)
	}
	if len(found) == 0 {
		_, err := p.Applied(ctx, products[0])
		return err
	}
	return g.con.WriteJSON(map[string]any{"schema": "infra/outputs/v1", "environment": name, "products": found})
}
