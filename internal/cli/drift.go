package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/drift"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

// driftOptions are the flags of drift.
type driftOptions struct {
	provision.DriftOptions
	all  bool
	html string
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
	cmd.Flags().BoolVar(&o.all, "all", false, "every environment, one after the other")
	driftFlags(cmd, &o)
	return cmd
}

// driftFlags are those of every command that looks for drift.
func driftFlags(cmd *cobra.Command, o *driftOptions) {
	flags := cmd.Flags()
	flags.BoolVar(&o.SkipHosts, "skip-hosts", false, "do not log in to the hosts")
	flags.StringVar(&o.html, "html", "", "also write the report as a page to this file")
	flags.IntVar(&o.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
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
	}
	doc, last := lookAll(ctx, g, project, names, o.DriftOptions, func(string) (func(), error) { return func() {}, nil })
	if !o.all && fault.CodeOf(last) == fault.Usage {
		return last // nothing was looked at, so there is no report
	}
	if err := writeDrift(g, doc, o.html); err != nil {
		return err
	}
	return looked(doc.Code(), doc.Problems(), last, "look for drift", "infra drift")
}

// lookAll looks at environments one after the other, whatever became of those
// before, and makes one report; last is what went wrong last. enter gets the
// credentials for one, until it is left again.
func lookAll(ctx context.Context, g *globals, project string, names []string, o provision.DriftOptions, enter func(name string) (leave func(), err error)) (doc report.DriftDocument, last error) {
	var found []report.EnvironmentDrift
	for _, name := range names {
		started := time.Now()
		var differences []drift.Finding
		g.attempted(name, nil)
		leave, problem := enter(name)
		if problem == nil {
			differences, problem = driftOf(ctx, g, project, name, o)
		} else {
			leave = func() {}
		}
		if problem != nil {
			last = problem
		}
		looked := report.DriftOf(name, environment.File(project, name), differences, o.SkipHosts, time.Since(started), problem, g.con.Masked)
		found = append(found, looked)
		g.looked(ctx, looked, problem)
		leave()
		if ctx.Err() != nil {
			break
		}
	}
	return report.Drift(time.Now(), found), last
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
