package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/python"
	"infra/internal/sandbox"
)

func newSandboxCommand(g *globals) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "A cloud on this machine: an AWS API emulator and real Linux hosts",
		Long: `The sandbox gives a developer what production has, on one machine, with no account: the AWS API, and for every EC2
instance a real Linux host at the instance's address. It needs root, and lives in a network namespace of its own.
What it holds is lost when it goes down.`,
	}
	cmd.PersistentFlags().StringVar(&name, "environment", "sandbox", "the emulated environment whose account, region and endpoint it serves")
	progress := func(text string) { g.con.Step("%s", text) }
	cmd.AddCommand(
		describe(&cobra.Command{
			Use: "up", Short: "Start the sandbox, installing what is missing; when it is up, say so", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withSandbox(cmd.Context(), g, name, func(c sandbox.Config) error { return sandbox.Up(cmd.Context(), c, progress) })
			},
		}, "  infra sandbox up"),
		describe(&cobra.Command{
			Use: "down", Short: "End the sandbox and leave nothing behind", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withSandbox(cmd.Context(), g, name, func(c sandbox.Config) error { return sandbox.Down(cmd.Context(), c, progress) })
			},
		}, "  infra sandbox down"),
		describe(&cobra.Command{
			Use: "reset", Short: "End the sandbox and start an empty one", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withSandbox(cmd.Context(), g, name, func(c sandbox.Config) error { return sandbox.Reset(cmd.Context(), c, progress) })
			},
		}, "  infra sandbox reset"),
		describe(&cobra.Command{
			Use: "status", Short: "Show the sandbox's API, networks and hosts", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withSandbox(cmd.Context(), g, name, func(c sandbox.Config) error { return printSandbox(cmd.Context(), g, c) })
			},
		}, "  infra sandbox status --output json"),
		&cobra.Command{
			Use: "serve", Short: "Be the sandbox (started by up)", Args: cobra.NoArgs, Hidden: true,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return withSandbox(cmd.Context(), g, name, func(c sandbox.Config) error { return sandbox.Serve(cmd.Context(), c) })
			},
		},
	)
	return cmd
}

// withSandbox makes the sandbox's configuration from an emulated
// environment's file.
func withSandbox(ctx context.Context, g *globals, name string, do func(sandbox.Config) error) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	env, err := environment.Load(project, name)
	if err != nil {
		return err
	}
	if !env.Emulated() {
		return fault.New(fault.Usage, "open the sandbox of "+name, errors.New("this environment is in a real account; a sandbox serves environments with emulated: true"), "infra sandbox up --environment sandbox")
	}
	executable, err := os.Executable()
	if err != nil {
		return fault.New(fault.Failed, "find infra's own program", err, "")
	}
	bin := ""
	if os.Geteuid() == 0 { // anybody else is refused for another reason
		if bin, err = python.Ensure(ctx, project, "moto", g.con.Lines()); err != nil {
			return err
		}
	}
	return do(sandbox.Config{
		Project: project, Dir: filepath.Join(project, ".infra", "sandbox"), Endpoint: env.Endpoint(),
		Account: env.Account(), Region: env.Region(), Executable: executable, Environment: name, Python: bin,
	})
}

func printSandbox(ctx context.Context, g *globals, c sandbox.Config) error {
	s, err := sandbox.ReadStatus(ctx, c)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(s)
	}
	return writeSandbox(g.con.Out(), s)
}
