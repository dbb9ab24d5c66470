package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/affected"
	"infra/internal/ci"
	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

// ciPlanOptions are the flags of ci plan.
type ciPlanOptions struct {
	scopeOptions
	sel       provision.Selection
	parallel  int
	valid     time.Duration
	skipHosts bool
	comment   string
	junit     string
}

// week is how long a pipeline's plan may wait for its merge.
const week = 7 * day

func newCIPlanCommand(g *globals) *cobra.Command {
	var o ciPlanOptions
	cmd := describe(&cobra.Command{
		Use:   "plan",
		Short: "Plan every environment that a pull request affects, and keep the plans",
		Long: `Finds the environments that the change concerns, plans all of each, keeps the plans encrypted in the environment's state
bucket under the digest of what it is made of, and writes one comment in Markdown: what is destroyed or replaced first, counts,
hosts and tasks that would change, diffs. infra sends nothing but to AWS: posting the comment is the workflow's step. On GitHub
the job's summary and annotations are written too. Nothing is changed. Several environments are planned side by side, as
far as cores and memory allow; the exit code is the worst of all.

Hosts that exist are asked by Ansible in check mode what the change would do to them. Where they cannot be reached, or no SSH
identity is here, the comment says so. A branch's own roles run with that identity: a job that plans whatever is pushed
should have none.

A stateful resource that may go is named by --allow-destroy, or by a trailer "Infra-Allow-Destroy: ADDRESS" of a commit.
Where a token of OpenID Connect is given by AWS_WEB_IDENTITY_TOKEN_FILE and no role by AWS_ROLE_ARN, the environment's own
role for plans is assumed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCIPlan(cmd.Context(), g, o) },
	}, "  infra ci plan --comment comment.md --junit junit.xml\n  infra ci plan --base origin/main --env prod --output json > plan.json",
		fault.Differences, fault.Refused, fault.Locked)
	scopeFlags(cmd, &o.scopeOptions)
	lockFlag(cmd, &o.sel.Wait)
	flags := cmd.Flags()
	parallelFlag(cmd, &o.parallel)
	flags.IntVar(&o.sel.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
	flags.StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	flags.DurationVar(&o.valid, "valid-for", week, "how long the plans may be applied")
	flags.BoolVar(&o.skipHosts, "skip-hosts", false, "do not log in to the hosts")
	flags.StringVar(&o.comment, "comment", "", "write the comment to this file")
	flags.StringVar(&o.junit, "junit", "", "write JUnit's XML to this file")
	return cmd
}

func runCIPlan(ctx context.Context, g *globals, o ciPlanOptions) error {
	s, err := scoped(ctx, g, o.scopeOptions, true)
	if err != nil {
		return annotated(g, err)
	}
	if o.sel.AllowDestroy, err = s.allowed(ctx, o.sel.AllowDestroy); err != nil {
		return annotated(g, err)
	}
	for _, e := range s.Environments {
		g.con.Step("%s: %s", e.Name, concerns(e))
	}
	planned, err := s.plans(ctx, g, o)
	if err != nil {
		return annotated(g, err)
	}
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "plan the affected environments", context.Cause(ctx), "")
	}
	all, err := ci.Join(ci.Plan{Commit: s.Commit, Base: s.Base, Removed: s.Removed, Environments: planned})
	if err != nil {
		return err
	}
	return tellPlan(g, all.Shown(g.con.Shown), o.comment, o.junit, s.service)
}

// plans plans a single environment in this process, for that has its
// credentials, and several side by side in processes of their own.
func (s *scope) plans(ctx context.Context, g *globals, o ciPlanOptions) ([]ci.Environment, error) {
	if len(s.Environments) != 1 {
		return s.planBeside(ctx, g, o)
	}
	started := time.Now()
	planned, err := s.plan(ctx, g, s.Environments[0], o)
	planned.Seconds, planned.Error, planned.Exit = ci.Since(started), ci.Explain(err), int(fault.CodeOf(err))
	if errors.Is(err, errDifferences) {
		planned.Error = nil
	}
	return []ci.Environment{planned}, nil
}

// plan plans one environment and keeps the plan. What is known so far is in
// the answer also when there is an error.
func (s *scope) plan(ctx context.Context, g *globals, e affected.Environment, o ciPlanOptions) (doc ci.Environment, err error) {
	doc = ci.Unplanned(e.Name, s.file(e.Name))
	doc.Change = e
	restore, err := assume(ctx, g, s.dir, e.Name, "plan")
	if err != nil {
		return doc, err
	}
	defer restore()
	// All of the environment, not only the stacks that the change concerns: the
	// plan is kept for all that the environment is made of. What an earlier merge
	// has left undone, because its apply failed or was dropped, is in it as well.
	p, err := look(ctx, g, e.Name, o.sel)
	if err != nil {
		return doc, err
	}
	defer func() { err = errors.Join(err, p.Run.Tidy()) }()
	if p.Content, err = s.content(ctx, e.Name, p.Code.Dirty); err != nil {
		return doc, err
	}
	doc.Content = p.Content
	exists, err := p.Bucket().Exists(ctx)
	if err == nil && !exists {
		err = fault.New(fault.Refused, "plan "+e.Name, errors.New("it has no state bucket yet, so there is nowhere to keep a plan, and no role for a pipeline"), "infra apply "+e.Name+", once and by hand")
	}
	if err != nil {
		return doc, err
	}
	plans, err := p.Plan(ctx, o.sel)
	if plans == nil {
		return doc, err
	}
	// A plan that a guard refuses is shown, but nobody can apply it.
	refused := err
	var kept provision.Kept
	if refused == nil {
		if kept, err = p.Keep(ctx, plans, "s3", o.valid); err != nil {
			return doc, err
		}
	}
	shown := report.Plan(e.Name, plans, kept)
	doc.Plan = &shown
	hosts, err := p.Hosts(ctx, e.Hosts)
	if err != nil {
		return doc, errors.Join(refused, err)
	}
	for _, h := range hosts {
		doc.Hosts = append(doc.Hosts, h.Name)
	}
	if len(hosts) > 0 && refused == nil {
		if doc.Tasks, doc.Unasked, err = tasks(ctx, p, e.Hosts, o.skipHosts); err != nil {
			return doc, err
		}
	}
	if doc.Diffs, err = p.Details(ctx, plans); err != nil || refused != nil {
		return doc, errors.Join(refused, err)
	}
	if plans.Empty() && len(hosts) == 0 {
		return doc, nil
	}
	return doc, errDifferences
}

// tasks are those of Ansible that would change hosts. Why hosts were not asked
// is said instead of failing: the plan stands without it.
func tasks(ctx context.Context, p *provision.Platform, layers []string, skip bool) (changes []drift.TaskChange, unasked string, err error) {
	changes = []drift.TaskChange{}
	if skip {
		return changes, "--skip-hosts", nil
	}
	found, err := p.Check(ctx, layers)
	switch {
	case ctx.Err() != nil:
		return changes, "", err
	case err != nil:
		unasked = err.Error()
	}
	return append(changes, found...), unasked, nil
}

// tellPlan gives a plan to everybody who is to see it, and ends with its exit
// code.
func tellPlan(g *globals, all ci.Plan, comment, junit string, service ci.Service) error {
	text := g.con.Shown(ci.Comment(all, service.Limit()))
	results, err := all.JUnit()
	if err == nil {
		err = errors.Join(writeOut(comment, []byte(text)), ci.Append(os.Getenv, "GITHUB_STEP_SUMMARY", text))
	}
	if err == nil && junit != "" {
		err = writeOut(junit, []byte(g.con.Shown(string(results))))
	}
	if err != nil {
		return err
	}
	for _, e := range all.Environments {
		tellProblem(g, service, e.Name, e.File, e.Error)
	}
	if g.con.JSON() {
		if err := g.con.WriteJSON(all); err != nil {
			return err
		}
	} else {
		g.con.Print("\n" + text)
	}
	return ended("plan", all.Exit)
}

// tellProblem shows why one environment could not be planned or applied.
func tellProblem(g *globals, service ci.Service, name, file string, problem *ci.Problem) {
	if problem == nil {
		return
	}
	text := problem.Message
	if problem.Hint != "" {
		text += "\nnext: " + problem.Hint
	}
	if service == ci.GitHub {
		g.con.Print(ci.Annotation("infra "+name, file, text))
		return
	}
	g.con.Print("error: " + name + ": " + text + "\n")
}

// ended is the error that ends a pipeline's command with the worst exit code
// of its environments; each has said by then what was wrong.
func ended(verb string, code int) error {
	switch fault.Code(code) {
	case fault.OK:
		return nil
	case fault.Differences:
		return errDifferences
	default:
		return fault.New(fault.Code(code), verb+" the affected environments", errors.New("not all of them could be: see above"), "infra ci "+verb+" --env NAME for one of them alone")
	}
}
