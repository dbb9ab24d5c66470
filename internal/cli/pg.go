package cli

import "github.com/spf13/cobra"

func newPgCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pg",
		Short: "Look after the database: who is primary, failover, backup, restore",
		Long: `The database fails over, repairs itself and is backed up without anybody. These commands show how it is, and do by
hand what is planned, or what the automatic one refused.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(pgCommands(g)...)
	return cmd
}

// pgCommands are the commands below `infra pg`, in the order of their names.
func pgCommands(g *globals) []*cobra.Command {
	return []*cobra.Command{
		newPgBackupCommand(g),
		newPgBackupsCommand(g),
		newPgDrillCommand(g),
		newPgFailoverCommand(g),
		newPgRejoinCommand(g),
		newPgRestoreCommand(g),
		newPgStatusCommand(g),
		newPgSwitchoverCommand(g),
		newPgVerifyCommand(g),
	}
}
