package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
)

func newCompletionCommand() *cobra.Command {
	return describe(&cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print the completion script of a shell",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			default:
				return fault.New(fault.Usage, "", fmt.Errorf("no completion for the shell %q", args[0]), "infra completion --help")
			}
		},
	}, "  infra completion bash > /etc/bash_completion.d/infra")
}
