package cli

import (
	"github.com/spf13/cobra"

	"infra/internal/fault"
)

func newEmrReplaceCommand(g *globals) *cobra.Command {
	var o emrMove
	cmd := describe(&cobra.Command{
		Use:   "replace ENV",
		Short: "Replace the cluster in use by the other colour; jobs go on",
		Long: `Looks for data in HDFS that would be lost, makes the other colour as the environment's file says, waits until it takes
jobs and tries it (an application on YARN, S3 read and written, memory left on the primary), moves the pointer, waits
until the colour that was left has nothing to do, watches the new one, and drops the old one. Each step is written down
before it begins: interrupted, also by the loss of this machine, the same command goes on from there, on any machine.
Until the drop, infra emr rollback moves back. Terraform's plan of a step may take away the colour that was left, and
that only in the last step: one that would end or replace anything else, a cluster in place above all, is refused.
Applications that run are known from CloudWatch, to which EMR reports every five minutes: a drain takes as long at least.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return moveColours(cmd.Context(), g, args[0], o, false)
		},
	}, "  infra emr replace prod\n  infra emr replace prod --drain 2h --keep --confirm prod\n  infra emr replace prod --confirm prod --output json | jq .move",
		fault.Refused, fault.Locked, fault.StateNotSaved)
	emrMoveFlags(cmd, &o)
	return cmd
}
