package cli

import (
	"github.com/spf13/cobra"

	"infra/internal/fault"
)

func newEmrRollbackCommand(g *globals) *cobra.Command {
	var o emrMove
	cmd := describe(&cobra.Command{
		Use:   "rollback ENV",
		Short: "Move back to the colour that a replacement is leaving",
		Long: `While a replacement has not dropped the old colour yet, the pointer moves back to it, what the new colour works on is
waited for, and the new colour is dropped; with --keep it stays, to be looked at. Where the pointer has not moved yet,
the new colour is dropped at once. Interrupted, the same command goes on. After the drop there is nothing to go back to.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return moveColours(cmd.Context(), g, args[0], o, true)
		},
	}, "  infra emr rollback prod\n  infra emr rollback prod --keep --confirm prod", fault.Refused, fault.Locked, fault.StateNotSaved)
	emrMoveFlags(cmd, &o)
	return cmd
}
