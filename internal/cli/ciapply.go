package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/affected"
	"infra/internal/ansible"
	"infra/internal/bundle"
	"infra/internal/ci"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/report"
)

// ciApplyOptions are the flags of ci apply.
type ciApplyOptions struct {
	scopeOptions
	sel      provision.Selection
	parallel int
	junit    string
}

func newCIApplyCommand(g *globals) *cobra.Command {
	var o ciApplyOptions
	cmd := describe(&cobra.Command{
		Use:   "apply",
		Short: "Apply exactly what was approved with a pull request, after its merge",
		Long: `Finds the environments that the push concerns, and for each the newest plan that infra ci plan kept for exactly these
files: for the digest of all that the environment is made of, whatever commit they are in after the merge. The merged
commit is planned again, and that plan is applied where it would do exactly what the kept one would: the same to the same
addresses, with the same values. What was kept is never carried out itself, for whoever may plan could have put something
else there. A plan that is missing, too old, stale (the state has moved on) or not the same is refused, with what differs
and what to do. Hosts are configured afterwards; where there are some and no SSH identity to log in with, it is refused before
anything is changed. Every environment is tried, several side by side, as far as cores and memory allow; the exit code is the
worst of all.

The approval is the merge: nobody is asked. A stateful resource that may go is named by a trailer
"Infra-Allow-Destroy: ADDRESS" of a commit that was pushed, or by --allow-destroy; what the kept plan says of it does not
count. A protected environment still wants a clean checkout of the main branch's
newest commit. A stack that could not be planned before (it waits for another's first apply) is applied only where it
creates and does nothing else.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCIApply(cmd.Context(), g, o) },
	}, "  infra ci apply --lock-timeout 30m\n  infra ci apply --base HEAD^ --env prod --output json",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	scopeFlags(cmd, &o.scopeOptions)
	lockFlag(cmd, &o.sel.Wait)
	cmd.Flags().StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	parallelFlag(cmd, &o.parallel)
	cmd.Flags().IntVar(&o.sel.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
	cmd.Flags().StringVar(&o.junit, "junit", "", "write JUnit's XML to this file")
	return cmd
}

func runCIApply(ctx context.Context, g *globals, o ciApplyOptions) error {
	// After a merge the main branch is what HEAD is: a person compares with the
	// commit before.
	if o.base == "" && ci.Detect(os.Getenv) == ci.Local {
		o.base = "HEAD^"
	}
	s, err := scoped(ctx, g, o.scopeOptions, false)
	if err != nil {
		return annotated(g, err)
	}
	if o.sel.AllowDestroy, err = s.allowed(ctx, o.sel.AllowDestroy); err != nil {
		return annotated(g, err)
	}
	all := ci.Apply{Schema: ci.ApplySchema, Base: s.Base, Commit: s.Commit, Environments: []ci.Applied{}, Removed: s.Removed}
	for _, e := range s.Environments {
		g.con.Step("%s: %s", e.Name, concerns(e))
	}
	if all.Environments, err = s.applies(ctx, g, o); err != nil {
		return annotated(g, err)
	}
	var codes []fault.Code
	for _, e := range all.Environments {
		codes = append(codes, fault.Code(e.Exit))
	}
	if ctx.Err() != nil {
		codes = append(codes, fault.Interrupted) // what ran has saved itself
	}
	all.Exit = int(ci.Worst(codes...))
	return tellApply(g, all.Shown(g.con.Shown), o.junit, s.service)
}

// applies applies a single environment in this process, for that has its
// credentials, and several side by side in processes of their own.
func (s *scope) applies(ctx context.Context, g *globals, o ciApplyOptions) ([]ci.Applied, error) {
	if len(s.Environments) != 1 {
		return s.applyBeside(ctx, g, o)
	}
	started := time.Now()
	e := s.Environments[0]
	g.attempted(e.Name, nil)
	applied, err := s.apply(ctx, g, e, o.sel)
	g.ended(ctx, err)
	applied.Seconds, applied.Error, applied.Exit = ci.Since(started), ci.Explain(err), int(fault.CodeOf(err))
	return []ci.Applied{applied}, nil
}

// apply applies one environment's approved plan.
func (s *scope) apply(ctx context.Context, g *globals, e affected.Environment, sel provision.Selection) (doc ci.Applied, err error) {
	doc = ci.Applied{Name: e.Name, File: s.file(e.Name)}
	restore, err := assume(ctx, g, s.dir, e.Name, "apply")
	if err != nil {
		return doc, err
	}
	defer restore()
	defer func() { g.ended(ctx, err) }() // by the role, which may be what can publish
	p, err := begin(ctx, g, e.Name, sel)
	if err != nil {
		return doc, err
	}
	if p.Content, err = s.content(ctx, e.Name, p.Code.Dirty); err != nil {
		return doc, err
	}
	doc.Content = p.Content
	if err := p.Preflight(ctx, false); err != nil {
		return doc, err
	}
	if doc.Bundle, err = p.Kept(ctx); err != nil {
		return doc, notKept(e.Name, err)
	}
	started := time.Now()
	err = p.Change(ctx, "ci apply", sel.Wait, func(ctx context.Context) error {
		var hosts ansible.Result
		stacks, err := p.ApplyApproved(ctx, doc.Bundle, sel, approvedBefore(g, e.Name))
		if err == nil && reachesHosts(sel, stacks) {
			hosts, err = p.Configure(ctx, nil)
		}
		done := report.Run("ci apply", e.Name, p.Run.ID, started, stacks, hosts)
		doc.Run = &done
		return err
	})
	return doc, refusedAfter(e.Name, err)
}

// refusedAfter says what to do about a merged change that is refused. In a
// pipeline nobody types a flag: a commit says it.
func refusedAfter(name string, err error) error {
	switch {
	case fault.CodeOf(err) != fault.Refused, errors.Is(err, provision.ErrNoIdentity):
		return err
	case errors.Is(err, guard.ErrStateful):
		return fault.New(fault.Refused, "apply the merged change", err,
			fault.HintOf(err)+" to: infra ci apply --env "+name+"\nin a pipeline a commit says it with a trailer, which a squash may lose: "+destroyTrailer+": ADDRESS")
	default:
		return fault.New(fault.Refused, "apply the approved plan", err, planAgainHint(name))
	}
}

// notKept explains that there is no plan to apply.
func notKept(name string, err error) error {
	if !errors.Is(err, bundle.ErrNone) {
		return err
	}
	return fault.New(fault.Refused, "apply the approved plan of "+name,
		fmt.Errorf("%w: it was never planned as it is now, its plan was refused or failed, or the main branch has got something else of %s since it was planned", err, name), planAgainHint(name))
}

// planAgainHint is what to do about a plan that cannot be applied.
func planAgainHint(name string) string {
	return "plan this commit and look at it: infra ci plan --env " + name + "\nthen apply exactly that:          infra ci apply --env " + name
}

// approvedBefore stands for the merge, which was the approval. What nobody
// can have seen is let through only where it adds and takes nothing away.
func approvedBefore(g *globals, name string) provision.Approve {
	return func(plans *provision.Plans) error {
		g.con.Print(report.PlanText(plans, g.verbose))
		return unseen(plans, planAgainHint(name))
	}
}

// unseen refuses what nobody can have approved, for it is in no bundle, unless
// it creates and does nothing else. hint is the way to approve it.
func unseen(plans *provision.Plans, hint string) error {
	if plans.Bundle != "" {
		return nil
	}
	for _, s := range plans.Stacks {
		for _, c := range s.Changes {
			if c.Action != guard.Create {
				return fault.New(fault.Refused, "apply "+s.Stack.String(),
					fmt.Errorf("it could not be planned before, so nobody has approved that it would %s %s", c.Action, c.Address), hint)
			}
		}
	}
	return nil
}

func tellApply(g *globals, all ci.Apply, junit string, service ci.Service) error {
	text := g.con.Shown(ci.ApplyText(all))
	results, err := all.JUnit()
	if err == nil {
		err = ci.Append(os.Getenv, "GITHUB_STEP_SUMMARY", text)
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
		for _, e := range all.Environments {
			if e.Run != nil && e.Error == nil {
				g.con.Print(report.RunText(*e.Run))
			}
		}
		if len(all.Environments) == 0 {
			g.con.Print("No environment is affected.\n")
		}
	}
	return ended("apply", all.Exit)
}
