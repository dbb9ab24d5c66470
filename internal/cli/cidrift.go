package cli

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/report"
)

// ciDriftOptions are the flags of ci drift.
type ciDriftOptions struct {
	driftOptions
	envs     []string
	emulated bool
}

func newCIDriftCommand(g *globals) *cobra.Command {
	var o ciDriftOptions
	cmd := describe(&cobra.Command{
		Use:   "drift",
		Short: "Look for drift in all environments, as a scheduled pipeline does",
		Long: `Does what infra drift does for all environments, as many at once as cores and memory allow, and makes one report. Each is
entered with its own role for plans, by the job's token of OpenID Connect, where the job has no other credentials: a job of
GitHub is asked for a token, another names its file by AWS_WEB_IDENTITY_TOKEN_FILE. It only reads. On GitHub the job's
summary and a notice an environment are written too; nothing is opened or posted. Drift ends it with 2, so that the job
shows it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCIDrift(cmd.Context(), g, o) },
	}, "  infra ci drift --skip-hosts --html drift.html\n  infra ci drift --env prod --env staging --output json > drift.json",
		fault.Differences, fault.Refused, fault.Locked, fault.Hosts)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.envs, "env", nil, "only this environment (may be repeated)")
	flags.BoolVar(&o.emulated, "emulated", false, "also environments whose AWS is a sandbox's emulator; without it only where --env names them")
	driftFlags(cmd, &o.driftOptions)
	return cmd
}

func runCIDrift(ctx context.Context, g *globals, o ciDriftOptions) error {
	dir, err := g.project()
	if err != nil {
		return err
	}
	chains, err := environment.Chains(dir)
	if err != nil {
		return annotated(g, err)
	}
	names, err := o.names(dir, chains)
	if err != nil {
		return annotated(g, err)
	}
	doc, err := o.look(ctx, g, dir, names)
	if err != nil {
		return annotated(g, err)
	}
	if err := writeDrift(g, doc, o.html); err != nil {
		return err
	}
	summary := g.con.Shown(ci.DriftSummary(doc, ci.GitHub.Limit()))
	if err := ci.Append(os.Getenv, "GITHUB_STEP_SUMMARY", summary); err != nil {
		return err
	}
	for _, e := range doc.Environments {
		noticeDrift(g, e)
	}
	return ended("drift", int(doc.Code()))
}

// look looks at one environment in this process, for that has its credentials,
// and at several side by side in processes of their own.
func (o ciDriftOptions) look(ctx context.Context, g *globals, dir string, names []string) (report.DriftDocument, error) {
	if len(names) == 1 {
		found, _ := lookAt(ctx, g, dir, names[0], o.DriftOptions, func(name string) (func(), error) { return assume(ctx, g, dir, name, "plan") })
		return report.Drift(time.Now(), []report.EnvironmentDrift{found}), nil
	}
	infra, err := g.partOfJob(dir)
	if err != nil {
		return report.DriftDocument{}, err
	}
	return o.lookBeside(ctx, g, infra, names, "ci", "drift", "--env")
}

// names are the environments to look at.
func (o ciDriftOptions) names(dir string, chains map[string]environment.Chain) ([]string, error) {
	if len(o.envs) == 0 {
		all := maps.Clone(chains)
		maps.DeleteFunc(all, func(_ string, c environment.Chain) bool { return c.Emulated && !o.emulated })
		return slices.Sorted(maps.Keys(all)), nil
	}
	for _, name := range o.envs {
		if _, ok := chains[name]; !ok {
			if _, err := environment.Load(dir, name); err != nil {
				return nil, err
			}
			return nil, fault.New(fault.Usage, "look for drift in "+name, errors.New("it is no environment that can be deployed"), "infra validate")
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(o.envs))), nil
}

// noticeDrift shows on GitHub what was found in one environment.
func noticeDrift(g *globals, e report.EnvironmentDrift) {
	if ci.Detect(os.Getenv) != ci.GitHub {
		return
	}
	title := "infra drift " + e.Environment
	if e.Drift {
		g.con.Print(ci.Notice(title, e.File, g.con.Shown(report.DriftVerdict(e))))
	}
	if e.Error != nil {
		text := e.Error.Message
		if e.Error.Hint != "" {
			text += "\nnext: " + e.Error.Hint
		}
		g.con.Print(ci.Annotation(title, e.File, g.con.Shown(text)))
	}
}
