package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/stack"
)

func newGraphCommand(g *globals) *cobra.Command {
	var format string
	cmd := describe(&cobra.Command{
		Use:   "graph ENV",
		Short: "Draw how the environment's products and layers depend on each other",
		Args:  environmentArgument,
		RunE:  func(_ *cobra.Command, args []string) error { return runGraph(g, args[0], format) },
	}, "  infra graph prod\n  infra graph prod --format dot | dot -Tsvg > platform.svg")
	cmd.Flags().StringVar(&format, "format", "mermaid", "mermaid or dot")
	return cmd
}

func runGraph(g *globals, name, format string) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	if _, err := environment.Load(project, name); err != nil {
		return err
	}
	var text string
	switch format {
	case "mermaid":
		text = stack.Mermaid(name)
	case "dot":
		text = stack.Dot(name)
	default:
		return fault.New(fault.Usage, "", fmt.Errorf("--format is %q, it can be mermaid or dot", format), "infra graph --help")
	}
	_, err = fmt.Fprint(g.con.Out(), text)
	return err
}
