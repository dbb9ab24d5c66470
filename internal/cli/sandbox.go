package cli

import (
	"context"
	"errors"
	"os"
	"path"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/python"
	"infra/internal/sandbox"
)

// sandboxCommand is the flags that the sandbox's commands share.
type sandboxCommand struct {
	*globals
	name string // of the environment that is served
}

func newSandboxCommand(g *globals) *cobra.Command {
	s := &sandboxCommand{globals: g}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "A cloud on this machine: an AWS API emulator and real Linux hosts",
		Long: `The sandbox gives a developer what production has, on one machine, with no account: the AWS API, and for every EC2
instance a real Linux host at the instance's address. It needs Linux (on macOS every command here fails, exit 1, and says
where to go) and root, and lives in a network namespace of its own.
What it holds is lost when it goes down. Clones of other environments live beside it, each in a sandbox of its own
that ends by itself; every command here first removes, and names, those that could not.`,
	}
	cmd.AddCommand(
		newSandboxUpCommand(s), newSandboxDownCommand(s),
		s.serving(describe(&cobra.Command{
			Use: "reset", Short: "End the sandbox and start an empty one", Args: cobra.NoArgs,
			RunE: s.run(func(ctx context.Context, c sandbox.Config) error { return sandbox.Reset(ctx, c, s.progress) }),
		}, "  infra sandbox reset")),
		s.serving(describe(&cobra.Command{
			Use: "status", Short: "Show the sandbox's API, networks and hosts", Args: cobra.NoArgs,
			RunE: s.run(s.print),
		}, "  infra sandbox status --output json")),
		newSandboxListCommand(s), newSandboxCloneCommand(s),
		s.serving(&cobra.Command{
			Use: "serve", Short: "Be the sandbox (started by up)", Args: cobra.NoArgs, Hidden: true,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return s.with(cmd.Context(), func(c sandbox.Config) error { return sandbox.Serve(cmd.Context(), c) })
			},
		}),
	)
	for _, one := range cmd.Commands() {
		work := one.RunE
		one.RunE = func(cmd *cobra.Command, args []string) error {
			if err := sandbox.Supported(); err != nil {
				return err
			}
			return work(cmd, args)
		}
	}
	return cmd
}

// serving adds the flag that says which environment's sandbox is meant.
func (s *sandboxCommand) serving(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&s.name, "environment", "sandbox", "the emulated environment whose account, region and endpoint it serves")
	return cmd
}

func newSandboxUpCommand(s *sandboxCommand) *cobra.Command {
	var ttl time.Duration
	cmd := s.serving(describe(&cobra.Command{
		Use: "up", Short: "Start the sandbox, installing what is missing; when it is up, say so", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTTL(cmd, ttl); err != nil {
				return err
			}
			return s.run(func(ctx context.Context, c sandbox.Config) error { return s.up(ctx, c, ttl) })(cmd, args)
		},
	}, "  infra sandbox up\n  infra sandbox up --environment me --ttl 8h"))
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "end it by itself so long from now, as 8h, also when it runs already; without it: leave that as it is")
	return cmd
}

func newSandboxDownCommand(s *sandboxCommand) *cobra.Command {
	var overdue bool
	cmd := s.serving(describe(&cobra.Command{
		Use: "down", Short: "End the sandbox and leave nothing behind", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if overdue {
				return s.sweepAlone(cmd.Context())
			}
			return s.run(func(ctx context.Context, c sandbox.Config) error { return sandbox.Down(ctx, c, s.progress) })(cmd, args)
		},
	}, "  infra sandbox down\n  infra sandbox down --environment me\n  infra sandbox down --expired"))
	cmd.Flags().BoolVar(&overdue, "expired", false, "only remove the sandboxes whose time is over")
	cmd.MarkFlagsMutuallyExclusive("expired", "environment")
	return cmd
}

func (s *sandboxCommand) progress(text string) { s.con.Step("%s", text) }

// run makes of work on the sandbox what a command runs: first, expired
// sandboxes are removed.
func (s *sandboxCommand) run(work func(context.Context, sandbox.Config) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if _, err := s.sweep(cmd.Context()); err != nil {
			return err
		}
		return s.with(cmd.Context(), func(c sandbox.Config) error { return work(cmd.Context(), c) })
	}
}

// sweep removes what has expired, where the caller may, and says how many.
func (s *sandboxCommand) sweep(ctx context.Context) (int, error) {
	project, err := s.project()
	if err != nil || os.Geteuid() != 0 {
		return 0, err
	}
	return sandbox.Sweep(ctx, project, s.progress)
}

func (s *sandboxCommand) sweepAlone(ctx context.Context) error {
	swept, err := s.sweep(ctx)
	if err == nil && swept == 0 {
		s.progress("no sandbox has expired")
	}
	return err
}

func (s *sandboxCommand) up(ctx context.Context, c sandbox.Config, ttl time.Duration) error {
	if ttl > 0 {
		status, err := sandbox.ReadLifetime(c)
		if err != nil {
			return err
		}
		c.Lifetime = sandbox.Lifetime{Of: status.Of, Expires: time.Now().Add(ttl)}
	}
	return sandbox.Up(ctx, c, s.progress)
}

// with makes the sandbox's configuration from an emulated environment's file.
func (s *sandboxCommand) with(ctx context.Context, do func(sandbox.Config) error) error {
	project, err := s.project()
	if err != nil {
		return err
	}
	env, err := environment.Load(project, s.name)
	if err != nil {
		return err
	}
	if !env.Emulated() {
		return fault.New(fault.Usage, "open the sandbox of "+s.name, errors.New("this environment is in a real account; a sandbox serves environments with emulated: true"),
			"infra sandbox up --environment sandbox, or: infra sandbox clone "+s.name+" --as NAME")
	}
	c := sandbox.Usual(project)
	if path.Dir(env.File()) == environment.Throwaways {
		c = sandbox.Clone(project, s.name)
	}
	if c.Executable, err = os.Executable(); err != nil {
		return fault.New(fault.Failed, "find infra's own program", err, "")
	}
	c.Endpoint, c.Account, c.Region, c.Environment, c.File = env.Endpoint(), env.Account(), env.Region(), s.name, env.File()
	if os.Geteuid() == 0 { // anybody else is refused for another reason
		if c.Python, err = python.Ensure(ctx, project, "moto", s.progress); err != nil {
			return err
		}
	}
	return do(c)
}

func (s *sandboxCommand) print(ctx context.Context, c sandbox.Config) error {
	status, err := sandbox.ReadStatus(ctx, c)
	if err != nil {
		return err
	}
	if s.con.JSON() {
		return s.con.WriteJSON(status)
	}
	return writeSandbox(s.con.Out(), status)
}
