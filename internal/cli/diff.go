package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/parity"
	"infra/internal/provision"
	"infra/internal/report"
)

// askedAtOnce is how many environments are read side by side.
const askedAtOnce = 4

// diffOptions are the flags of diff.
type diffOptions struct {
	all, offline, skipHosts bool
}

func newDiffCommand(g *globals) *cobra.Command {
	var o diffOptions
	cmd := describe(&cobra.Command{
		Use:   "diff ENV ENV | --all",
		Short: "Compare environments: settings, versions, packages on hosts, results of the last run",
		Long: `Compares what the environments are, not what infra would change: effective settings with the file and line of each,
Terraform and its providers as they were at the last apply, images and managed engines, packages on the hosts, and how
the last run ended. Nothing is changed. What belongs to an environment alone (account, network, keys) does not count.

Where something cannot be had, such as hosts out of reach, it is not compared and the report says so; when that is the
state bucket, the command fails (exit 1). --offline compares the settings alone and asks nobody.`,
		Args: func(cmd *cobra.Command, args []string) error {
			help := cmd.CommandPath() + " --help"
			switch {
			case o.all && len(args) > 0:
				return fault.New(fault.Usage, "", errors.New("--all stands for every environment; name none beside it"), help)
			case !o.all && len(args) != 2:
				return fault.New(fault.Usage, "", fmt.Errorf("%s takes the names of two environments, got %d arguments", cmd.CommandPath(), len(args)), help)
			case !o.all && args[0] == args[1]:
				return fault.New(fault.Usage, "", fmt.Errorf("%s is the same as itself", args[0]), help)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runDiff(cmd.Context(), g, args, o) },
	}, "  infra diff prod staging\n  infra diff --all --offline\n  infra diff prod staging --output json | jq '.found[] | select(.own | not)'", fault.Differences)
	flags := cmd.Flags()
	flags.BoolVar(&o.all, "all", false, "every environment with every other")
	flags.BoolVar(&o.offline, "offline", false, "only the settings; nobody is asked")
	flags.BoolVar(&o.skipHosts, "skip-hosts", false, "do not log in to the hosts")
	return cmd
}

func runDiff(ctx context.Context, g *globals, names []string, o diffOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	envs, err := o.read(project, names) // a mistake in a file ends the command before anybody is asked
	if err != nil {
		return err
	}
	platforms := make([]*provision.Platform, len(envs))
	for i, env := range envs {
		if platforms[i], err = provision.With(ctx, project, env, g.con); err != nil {
			return err
		}
	}
	facts, problems := make([]parity.Environment, len(envs)), make([]error, len(envs))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, p := range platforms {
		group.Go(func() error {
			facts[i], problems[i] = p.Facts(ctx, o.offline, o.skipHosts)
			return nil // the others are worth knowing all the same
		})
	}
	_ = group.Wait() // none of them fails
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "compare environments", context.Cause(ctx), "")
	}
	doc := report.Diff(facts)
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		_, err = fmt.Fprint(g.con.Out(), report.DiffText(doc, g.verbose))
	}
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(problems, func(err error) bool { return err != nil }); i >= 0 {
		return fault.New(fault.CodeOf(problems[i]), "compare "+envs[i].Name(), problems[i], "infra doctor "+envs[i].Name()+"; --offline compares the settings alone")
	}
	if doc.Differences {
		return errDifferences
	}
	return nil
}

// read reads the environments that are compared.
func (o diffOptions) read(project string, names []string) (envs []*environment.Environment, err error) {
	if o.all {
		return environment.LoadAll(project)
	}
	envs = make([]*environment.Environment, len(names))
	for i, name := range names {
		if envs[i], err = environment.Load(project, name); err != nil {
			return nil, err
		}
	}
	return envs, nil
}
