package cli

import "github.com/spf13/cobra"

func newCICommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ci",
		Short: "For pipelines: plan what a pull request changes, apply exactly that after the merge",
		Long: `A pipeline needs no logic of its own: these commands find which environments a change of files concerns, plan them,
keep the plans encrypted, and apply exactly what was approved after the merge, or refuse; and look for drift at night.
infra ci init writes the workflow files for GitHub Actions and GitLab CI.

A plan is kept under the digest of all files that its environment is made of. A merge, a squash or a rebase makes other
commits of the same files, so the plan is found again; a change of anything that the environment is made of makes
another digest, so it is not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCIAffectedCommand(g), newCIApplyCommand(g), newCICommentCommand(g), newCIDriftCommand(g), newCIInitCommand(g), newCIPlanCommand(g))
	return cmd
}
