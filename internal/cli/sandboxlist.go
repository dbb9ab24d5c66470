package cli

import (
	"context"

	"github.com/spf13/cobra"

	"infra/internal/sandbox"
)

func newSandboxListCommand(s *sandboxCommand) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "list",
		Short: "Show every sandbox of this checkout: age, end, hosts, memory",
		Long: `Shows the sandbox and the clones beside it. Memory is what their processes hold, what they share counted once; only
root is told. How to put off the end of one: infra sandbox up --environment NAME --ttl 8h.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := s.sweep(cmd.Context()); err != nil {
				return err
			}
			return s.list(cmd.Context())
		},
	}, "  infra sandbox list\n  infra sandbox list --output json")
}

func (s *sandboxCommand) list(ctx context.Context) error {
	project, err := s.project()
	if err != nil {
		return err
	}
	all, err := sandbox.List(ctx, project)
	if err != nil {
		return err
	}
	if s.con.JSON() {
		return s.con.WriteJSON(struct {
			Schema    string           `json:"schema"`
			Sandboxes []sandbox.Listed `json:"sandboxes"`
		}{"infra/sandbox-list/v1", all})
	}
	return writeSandboxes(s.con.Out(), all)
}
