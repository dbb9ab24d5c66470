package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/environment"
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

// completeEnvironments has a shell complete the names of environments wherever a
// command takes them: its arguments called ENV, and its flag --env.
func completeEnvironments(g *globals, cmd *cobra.Command) {
	names := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		project, err := g.project()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := environment.List(project)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
	words := strings.Fields(cmd.Use)[1:]
	if slices.ContainsFunc(words, isEnvironment) && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) < len(words) && isEnvironment(words[len(args)]) {
				return names(cmd, args, typed)
			}
			return nil, cobra.ShellCompDirectiveDefault
		}
	}
	if cmd.Flags().Lookup("env") != nil {
		_ = cmd.RegisterFlagCompletionFunc("env", names) // it fails for a flag that is not there, or has one
	}
	for _, sub := range cmd.Commands() {
		completeEnvironments(g, sub)
	}
}

// isEnvironment tells whether a word of a command's usage stands for the name of
// an environment.
func isEnvironment(word string) bool { return strings.Trim(word, "[].") == "ENV" }
