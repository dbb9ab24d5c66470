package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
	"infra/internal/trace"
)

// parallelism is above Terraform's own 10: most of an apply is waiting for
// AWS, and the provider retries what is throttled.
const parallelism = 30

// selectionFlags adds the flags that narrow what a command works on.
func selectionFlags(cmd *cobra.Command, sel *provision.Selection) {
	flags := cmd.Flags()
	flags.StringSliceVar(&sel.Products, "product", nil, "only this product (may be repeated)")
	flags.StringSliceVar(&sel.Layers, "layer", nil, "only this layer (may be repeated)")
	flags.IntVar(&sel.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
	lockFlag(cmd, &sel.Wait)
}

// lockFlag adds the flag that says how long to wait for another run.
func lockFlag(cmd *cobra.Command, wait *run.Wait) {
	cmd.Flags().DurationVar(&wait.Timeout, "lock-timeout", 0, "how long to wait while another run holds the environment, as 10m; without it: fail at once")
}

// dirtyFlag adds the flag that lets unreviewed code into a protected
// environment.
func dirtyFlag(cmd *cobra.Command, allow *bool) {
	cmd.Flags().BoolVar(allow, "allow-dirty", false, "a protected environment: also from uncommitted or unmerged code")
}

// confirmFlag adds the flag that stands for the typed name.
func confirmFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "confirm", "", "the environment's name, for where nobody can type it")
}

// begin opens an environment for a run that may change it. What that comes to
// is told, also when it cannot even be opened.
func begin(ctx context.Context, g *globals, name string, sel provision.Selection) (*provision.Platform, error) {
	g.attempted(name, nil)
	p, err := look(ctx, g, name, sel)
	if err == nil {
		g.attempted(name, p)
	}
	return p, err
}

// look opens an environment: the selection makes sense, the account is the
// right one, and the run has a directory.
func look(ctx context.Context, g *globals, name string, sel provision.Selection) (*provision.Platform, error) {
	project, err := g.project()
	if err != nil {
		return nil, err
	}
	if err := sel.Check(); err != nil {
		return nil, err
	}
	p, err := provision.Open(ctx, project, name, g.con)
	if err != nil {
		return nil, err
	}
	if err := p.Begin(); err != nil {
		return nil, err
	}
	trace.Note(ctx, "infra.environment", name, "infra.run", p.Run.ID)
	return p, nil
}

// change runs work while the environment is held, after everything that could
// go wrong in its middle was checked, and prints what it did.
func change(ctx context.Context, g *globals, p *provision.Platform, verb string, o changeOptions, work func(context.Context) ([]provision.StackResult, ansible.Result, error)) error {
	started := time.Now()
	g.con.Stream()
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	var doc report.RunDocument
	err := p.Change(ctx, verb, o.sel.Wait, func(ctx context.Context) error {
		stacks, hosts, err := work(ctx)
		doc = report.Run(verb, p.Env.Name(), p.Run.ID, started, stacks, hosts)
		if err == nil && doc.Changed && len(doc.Hosts) > 0 {
			lookAfter(ctx, g, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	g.con.Print("\n" + report.RunText(doc))
	return nil
}

// lookAfter asks the platform how it is after it was changed, for the run's
// report. Whatever it answers, the change is done: a problem is a warning.
func lookAfter(ctx context.Context, g *globals, p *provision.Platform) {
	sources, err := statusSources(ctx, p)
	if err != nil {
		p.Warn("how %s is now could not be asked: %v", p.Env.Name(), err)
		return
	}
	answer, err := probe(ctx, p, sources)
	if err != nil {
		p.Warn("how %s is now could not be asked: %v", p.Env.Name(), err)
		return
	}
	for _, part := range answer.Parts() {
		p.Health(part.Name, part.State, strings.Join(part.Problems, "; "))
	}
	if answer.Healthy() {
		g.con.Step("%s: the platform was asked and is healthy", p.Env.Name())
	} else {
		p.Warn("%s is %s: infra status %[1]s says why", p.Env.Name(), answer.State)
	}
}

// changeOptions are the flags of every command that changes an environment.
type changeOptions struct {
	sel        provision.Selection
	allowDirty bool
	confirm    string
}
