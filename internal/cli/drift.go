package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/drift"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/rollout"
)

// driftOptions are the flags of drift.
type driftOptions struct {
	provision.DriftOptions
	all      bool
	parallel int
	html     string
}

func newDriftCommand(g *globals) *cobra.Command {
	var o driftOptions
	cmd := describe(&cobra.Command{
		Use:   "drift ENV | --all",
		Short: "Show what differs between the environment and its code, and who caused it",
		Long: `Tells four things apart: what somebody changed in AWS, what the code wants and nobody applied, what Ansible would
change on the hosts (it looks by --check), and instances that are in the environment's network or carry its tags and
that no state has. What drift.ignore of the environment's file lists is known noise: it is shown and does not count.

Nothing is changed: no lease and no lock is taken, and no state, ledger or host key is written. The plan role is enough;
for the hosts, with access: ssm, the caller also needs ssm:StartSession. A run that goes on meanwhile ends it (exit 4).
With --all, every environment is looked at whatever became of the others; when they failed in different ways, the exit
code is 1.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.all && len(args) == 0 {
				return nil
			}
			if o.all {
				return fault.New(fault.Usage, "", errors.New("--all stands for every environment; name none beside it"), cmd.CommandPath()+" --help")
			}
			return environmentArgument(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runDrift(cmd.Context(), g, args, o) },
	}, "  infra drift prod\n  infra drift prod --skip-hosts\n  infra drift --all --html drift.html\n  infra drift prod --output json | jq '.environments[].findings[] | select(.kind == \"outside\")'",
		fault.Differences, fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().BoolVar(&o.all, "all", false, "every environment, as many at once as --parallel says")
	driftFlags(cmd, &o)
	return cmd
}

// driftFlags are those of every command that looks for drift.
func driftFlags(cmd *cobra.Command, o *driftOptions) {
	flags := cmd.Flags()
	flags.BoolVar(&o.SkipHosts, "skip-hosts", false, "do not log in to the hosts")
	flags.StringVar(&o.html, "html", "", "also write the report as a page to this file")
	flags.IntVar(&o.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
	parallelFlag(cmd, &o.parallel)
	lockFlag(cmd, &o.Wait)
}

func runDrift(ctx context.Context, g *globals, names []string, o driftOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	if o.all {
		if names, err = environment.List(project); err != nil {
			return err
		}
		return driftOfSeveral(ctx, g, project, names, o)
	}
	found, problem := lookAt(ctx, g, project, names[0], o.DriftOptions, ownCredentials)
	if fault.CodeOf(problem) == fault.Usage {
		return problem // nothing was looked at, so there is no report
	}
	return tellDrift(g, report.Drift(time.Now(), []report.EnvironmentDrift{found}), o.html, problem)
}

// driftOfSeveral looks at environments side by side, each by an infra drift.
func driftOfSeveral(ctx context.Context, g *globals, project string, names []string, o driftOptions) error {
	infra, err := g.self(project)
	if err != nil {
		return err
	}
	doc, err := o.lookBeside(ctx, g, infra, names, "drift")
	if err != nil {
		return err
	}
	return tellDrift(g, doc, o.html, nil)
}

// arguments are the flags that every environment's own look for drift gets.
func (o driftOptions) arguments() []string {
	args := []string{"--parallelism", fmt.Sprint(o.Parallelism), "--lock-timeout", o.Wait.Timeout.String()}
	if o.SkipHosts {
		args = append(args, "--skip-hosts")
	}
	return args
}

// tellDrift shows what was found, and ends with its exit code; last is what
// went wrong with a single environment.
func tellDrift(g *globals, doc report.DriftDocument, html string, last error) error {
	if err := writeDrift(g, doc, html); err != nil {
		return err
	}
	return looked(doc.Code(), doc.Problems(), last, "look for drift", "infra drift")
}

// ownCredentials are those that this process was started with, for every
// environment.
func ownCredentials(string) (leave func(), err error) { return func() {}, nil }

// lookAt looks at one environment; enter gets the credentials for it, until it
// is left again. What went wrong is in what was found, and said again.
func lookAt(ctx context.Context, g *globals, project, name string, o provision.DriftOptions, enter func(name string) (leave func(), err error)) (found report.EnvironmentDrift, problem error) {
	started := time.Now()
	var differences []drift.Finding
	g.attempted(name, nil)
	leave, problem := enter(name)
	if problem == nil {
		defer leave()
		differences, problem = driftOf(ctx, g, project, name, o)
	}
	found = report.DriftOf(name, environment.File(project, name), differences, o.SkipHosts, time.Since(started), problem, g.con.Masked)
	g.looked(ctx, found, problem)
	return found, problem
}

// lookBeside looks at environments side by side, whatever becomes of the
// others, and makes one report: infra is called for each, with the command that
// takes its name.
func (o driftOptions) lookBeside(ctx context.Context, g *globals, infra rollout.Infra, names []string, command ...string) (report.DriftDocument, error) {
	found := make([]report.EnvironmentDrift, len(names))
	err := g.beside(ctx, infra, "looking for drift", names, width(o.parallel, nil), func(name string) []string {
		return slices.Concat(command, []string{name}, o.arguments())
	}, func(at int, a rollout.Answer) {
		found[at] = driftAnswer(infra.Project, names[at], a, o.SkipHosts)
	})
	return report.Drift(time.Now(), found), err
}

// driftAnswer is one environment of the report, as its own infra found it.
func driftAnswer(project, name string, a rollout.Answer, skippedHosts bool) report.EnvironmentDrift {
	if found, ok := only[report.EnvironmentDrift](a); ok {
		return found
	}
	return report.EnvironmentDrift{
		Environment: name, File: environment.File(project, name), SkippedHosts: skippedHosts, Findings: []drift.Finding{}, Noise: []drift.Finding{},
		Error: &report.Problem{Code: a.Exit, Message: a.Error, Hint: a.Hint},
	}
}

// looked tells what was found in an environment, whoever wants to know.
func (g *globals) looked(ctx context.Context, e report.EnvironmentDrift, problem error) {
	g.attempt.findings = len(e.Findings)
	if problem == nil && e.Drift {
		problem = errDifferences
	}
	g.ended(ctx, problem)
}

// driftOf looks at one environment.
func driftOf(ctx context.Context, g *globals, project, name string, o provision.DriftOptions) (found []drift.Finding, err error) {
	p, err := provision.Open(ctx, project, name, g.con)
	if err != nil {
		return nil, err
	}
	g.attempted(name, p)
	if err := p.Begin(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Run.Tidy()) }()
	return p.Drift(ctx, o)
}

func writeDrift(g *globals, doc report.DriftDocument, html string) error {
	if err := writeReport(g, html, "infra drift --html PATH", report.DriftPage(doc).Write); err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	_, err := fmt.Fprint(g.con.Out(), report.DriftText(doc, g.verbose))
	return err
}
