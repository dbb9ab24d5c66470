package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/metrics"
	"infra/internal/outcome"
	"infra/internal/provision"
	"infra/internal/trace"
)

// attempt is a command at work on one environment, until it is known what it
// came to.
type attempt struct {
	environment string
	started     time.Time
	platforms   []*provision.Platform // opened for it, one after the other; none where that was refused
	findings    int                   // of a look for drift
}

// attempted notes that the command works on an environment from now on. Doing
// so twice is one attempt.
func (g *globals) attempted(name string, p *provision.Platform) {
	if g.attempt == nil || g.attempt.environment != name {
		g.attempt = &attempt{environment: name, started: time.Now()}
	}
	if p != nil {
		g.attempt.platforms = append(g.attempt.platforms, p)
	}
}

// ended tells what the attempt came to, whoever wants to know. Nothing that goes
// wrong with that changes how the command ends.
func (g *globals) ended(ctx context.Context, err error) {
	a := g.attempt
	if a == nil {
		return
	}
	g.attempt = nil
	o := g.outcome(a, exitCode(ctx, err), err)
	if len(a.platforms) == 0 && !g.exists(o.Environment) {
		return // a name that was misspelt
	}
	if dir := g.metricsDir(); dir != "" && o.Kind != outcome.Drift {
		if err := metrics.Write(dir, o); err != nil {
			g.con.Warn("%v", err)
		}
	}
	if env := g.environmentOf(a); env != nil {
		g.notify(context.WithoutCancel(ctx), env, o)
	}
}

// environmentOf is the environment that was worked on; nil when its file is
// wrong.
func (g *globals) environmentOf(a *attempt) *environment.Environment {
	if len(a.platforms) > 0 {
		return a.platforms[0].Env
	}
	project, err := g.project()
	if err != nil {
		return nil
	}
	env, err := environment.Load(project, a.environment)
	if err != nil {
		return nil
	}
	return env
}

// outcome is what the attempt came to.
func (g *globals) outcome(a *attempt, code fault.Code, err error) outcome.Outcome {
	o := outcome.Outcome{
		Schema: outcome.Schema, Kind: kindOf(g.verb), Environment: a.environment, Verb: g.verb,
		Result: outcome.ResultOf(code), Exit: code, Started: a.started.UTC(), Ended: time.Now().UTC(), Findings: a.findings,
		Stacks: []outcome.Stack{}, Hosts: []outcome.Host{}, Phases: []outcome.Phase{},
	}
	if err != nil && !errors.Is(err, errDifferences) {
		o.Error, o.Next = g.con.Masked(err.Error()), g.con.Masked(fault.HintOf(err))
	}
	for _, p := range g.trace.Phases() {
		o.Phases = append(o.Phases, outcome.Phase{Phase: p.Name, Seconds: p.Took.Seconds()})
	}
	for _, p := range a.platforms {
		o.Commit = p.Code.Commit
		if p.Run != nil {
			o.Run = p.Run.ID
		}
		record, held := p.Record()
		if !held {
			continue
		}
		o.Who = record.Who
		for _, s := range record.Stacks {
			if s.Result != "" { // of others it only says which state they have
				o.Stacks = append(o.Stacks, outcome.Stack{Stack: s.Stack, Applied: s.Applied, Result: s.Result})
			}
		}
		for _, h := range record.Hosts {
			o.Hosts = append(o.Hosts, outcome.Host{Name: h.Name, Result: h.Result})
		}
	}
	return o
}

func kindOf(verb string) outcome.Kind {
	switch {
	case verb == "drift" || strings.HasSuffix(verb, " drift"):
		return outcome.Drift
	case strings.HasSuffix(verb, " drill"):
		return outcome.Drill
	default:
		return outcome.Run
	}
}

// exists tells whether the project has an environment of that name, however
// wrong its file may be.
func (g *globals) exists(name string) bool {
	project, err := g.project()
	if err != nil {
		return false
	}
	names, err := environment.List(project)
	return err == nil && slices.Contains(names, name)
}

func (g *globals) metricsDir() string {
	if g.metrics != "" {
		return g.metrics
	}
	return os.Getenv("INFRA_METRICS_DIR")
}

// traced begins the trace of a command.
func (g *globals) traced(ctx context.Context, command string) context.Context {
	ctx, g.trace = trace.Begin(ctx, trace.Options{
		Name: command, Version: version, Getenv: os.Getenv, Masked: g.con.Masked, Warn: g.con.Warn,
	})
	return ctx
}
