package cli

import (
	"context"
	"fmt"
	"strings"

	"infra/internal/affected"
	"infra/internal/ci"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/rollout"
)

// partOfJob is this program as one of several that a pipeline's job calls: the
// job's page is written by the one that called them.
func (g *globals) partOfJob(project string) (rollout.Infra, error) {
	infra, err := g.self(project)
	infra.Variables = append(infra.Variables, "GITHUB_ACTIONS=", "GITHUB_STEP_SUMMARY=", "GITLAB_CI=")
	return infra, err
}

// arguments are those of a call for one environment of the scope: it compares
// with the same commit, and takes as acknowledged what was.
func (s *scope) arguments(verb, name string, sel provision.Selection) []string {
	base := s.Base
	if base == "" {
		base = strings.Repeat("0", len(s.Commit)) // as a service says that everything is new
	}
	args := []string{"ci", verb, "--env", name, "--base", base, "--lock-timeout", sel.Wait.Timeout.String(), "--parallelism", fmt.Sprint(sel.Parallelism)}
	for _, removed := range s.Removed {
		args = append(args, "--removed", removed)
	}
	for _, address := range sel.AllowDestroy {
		args = append(args, "--allow-destroy", address)
	}
	return args
}

// planBeside plans the scope's environments in calls side by side.
func (s *scope) planBeside(ctx context.Context, g *globals, o ciPlanOptions) ([]ci.Environment, error) {
	planned := make([]ci.Environment, len(s.Environments))
	err := s.beside(ctx, g, "planning", o.parallel, func(name string) []string {
		args := append(s.arguments("plan", name, o.sel), "--valid-for", o.valid.String())
		if o.skipHosts {
			args = append(args, "--skip-hosts")
		}
		return args
	}, func(e affected.Environment, at int, a rollout.Answer) {
		var found bool
		if planned[at], found = only[ci.Environment](a); !found {
			planned[at] = ci.Unplanned(e.Name, s.file(e.Name))
			planned[at].Change = e
			planned[at].Exit, planned[at].Error = failed(a)
		}
	})
	return planned, err
}

// applyBeside applies the approved plans of the scope's environments in calls
// side by side.
func (s *scope) applyBeside(ctx context.Context, g *globals, o ciApplyOptions) ([]ci.Applied, error) {
	applied := make([]ci.Applied, len(s.Environments))
	err := s.beside(ctx, g, "applying", o.parallel, func(name string) []string {
		return s.arguments("apply", name, o.sel)
	}, func(e affected.Environment, at int, a rollout.Answer) {
		var found bool
		if applied[at], found = only[ci.Applied](a); !found {
			applied[at] = ci.Applied{Name: e.Name, File: s.file(e.Name)}
			applied[at].Exit, applied[at].Error = failed(a)
		}
	})
	return applied, err
}

func (s *scope) beside(ctx context.Context, g *globals, doing string, parallel int, arguments func(name string) []string, answered func(e affected.Environment, at int, a rollout.Answer)) error {
	infra, err := g.partOfJob(s.dir)
	if err != nil {
		return err
	}
	return g.beside(ctx, infra, doing, s.names(), width(parallel, nil), arguments, func(at int, a rollout.Answer) {
		answered(s.Environments[at], at, a)
	})
}

// failed is why a call has left no document.
func failed(a rollout.Answer) (exit int, problem *ci.Problem) {
	code := a.Exit
	if !a.Failed() {
		code = fault.Failed
	}
	if a.Error == "" {
		a.Error = "it ended without a word"
	}
	return int(code), &ci.Problem{Message: a.Error, Hint: a.Hint}
}
