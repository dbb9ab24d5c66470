package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/status"
	"infra/internal/topology"
)

// graphOptions are the flags of graph.
type graphOptions struct {
	of     string
	format string
	probe  bool
}

// What can be drawn.
const (
	ofEnvironment  = "environment"
	ofDependencies = "dependencies"
)

func newGraphCommand(g *globals) *cobra.Command {
	var o graphOptions
	cmd := describe(&cobra.Command{
		Use:   "graph ENV",
		Short: "Draw the environment: network, zones, hosts, who replicates, ways in, alarms",
		Long: `Draws what the states say that there is; they are read straight from S3, without starting Terraform. Who leads and who
replicates is in no state: the picture says so, and --probe asks the servers and CloudWatch. The picture of a platform
that is not healthy is drawn all the same, with exit code 0: infra status judges.

--format is mermaid (for Markdown), svg, html (one file with the picture and the same in tables, light and dark) or dot
(for Graphviz); --output json prints what is drawn. --of dependencies draws in which order products and layers need each
other, from the code alone, as mermaid or dot.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runGraph(cmd.Context(), g, args[0], o) },
	}, "  infra graph prod --format svg > prod.svg\n  infra graph prod --probe --format html > prod.html\n  infra graph prod --of dependencies --format dot | dot -Tsvg > needs.svg", fault.Refused)
	flags := cmd.Flags()
	flags.StringVar(&o.format, "format", "mermaid", "mermaid, svg, html or dot")
	flags.StringVar(&o.of, "of", ofEnvironment, "environment: what there is; dependencies: of products and layers")
	flags.BoolVar(&o.probe, "probe", false, "ask the servers who leads and who replicates, and CloudWatch which alarms fire")
	return cmd
}

func runGraph(ctx context.Context, g *globals, name string, o graphOptions) error {
	formats := map[string][]string{ofEnvironment: {"mermaid", "svg", "html", "dot"}, ofDependencies: {"mermaid", "dot"}}
	known, ok := formats[o.of]
	switch {
	case !ok:
		return fault.New(fault.Usage, "", fmt.Errorf("--of is %q, it can be %s or %s", o.of, ofEnvironment, ofDependencies), "infra graph --help")
	case !slices.Contains(known, o.format):
		return fault.New(fault.Usage, "", fmt.Errorf("--format is %q, of the %s it can be %s", o.format, o.of, strings.Join(known, ", ")), "infra graph --help")
	case o.of == ofDependencies:
		return drawDependencies(g, name, o)
	}
	project, err := g.project()
	if err != nil {
		return err
	}
	p, err := provision.Connect(ctx, project, name, g.con)
	if err != nil {
		return err
	}
	m, err := mapOf(ctx, p)
	if err != nil {
		return err
	}
	if o.probe {
		if err := observe(ctx, g, p, m); err != nil {
			return err
		}
	}
	if g.con.JSON() {
		return g.con.WriteJSON(m)
	}
	return drawMap(g, m, o.format)
}

// drawDependencies needs no account: the code says it all.
func drawDependencies(g *globals, name string, o graphOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	if _, err := environment.Load(project, name); err != nil {
		return err
	}
	if o.probe {
		return fault.New(fault.Usage, "", errors.New("--probe asks servers, and dependencies are in the code"), "infra graph --help")
	}
	if g.con.JSON() {
		return g.con.WriteJSON(stack.Needs(name))
	}
	text := stack.Mermaid(name)
	if o.format == "dot" {
		text = stack.Dot(name)
	}
	_, err = fmt.Fprint(g.con.Out(), text)
	return err
}

// mapOf reads what the states know of the environment.
func mapOf(ctx context.Context, p *provision.Platform) (*topology.Map, error) {
	applied, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, err
	}
	inv, err := p.Inventory(applied)
	if err != nil {
		return nil, err
	}
	states := []*state.State{applied}
	switch baseline, err := p.State(ctx, "baseline"); {
	case err == nil:
		states = append(states, baseline)
	case !errors.Is(err, state.ErrAbsent):
		return nil, err
	}
	facts := topology.Facts{Environment: p.Env.Name(), Account: p.Env.Account(), Region: p.Env.Region(), Hosts: inv.Hosts(), Outputs: applied.Values()}
	for _, s := range states {
		for _, i := range s.Instances() {
			if i.Mode == "managed" && i.Deposed == "" {
				facts.Resources = append(facts.Resources, topology.Resource{Address: i.Address, Type: i.Type, Attributes: i.Attributes})
			}
		}
	}
	m, err := topology.Read(facts)
	if err != nil {
		return nil, fault.New(fault.Failed, "draw "+p.Env.Name(), err, "infra state check "+p.Env.Name())
	}
	return m, nil
}

// observe asks servers and CloudWatch. What does not answer is in the picture.
func observe(ctx context.Context, g *globals, p *provision.Platform, m *topology.Map) error {
	sources, err := statusSources(ctx, p)
	if err != nil {
		return err
	}
	found, err := probe(ctx, p, sources)
	if err != nil {
		return err
	}
	observed := found.Observed()
	if observed.Alarms, err = status.Alarms(ctx, p.AWS(), p.Env.Name()); err != nil {
		g.con.Warn("%v", err)
	}
	m.Observe(observed)
	return nil
}

func drawMap(g *globals, m *topology.Map, format string) error {
	text := ""
	switch format {
	case "dot":
		text = m.Dot()
	case "svg":
		svg, err := report.Standalone(m.SVG())
		if err != nil {
			return err
		}
		text = svg
	case "html":
		var page strings.Builder
		if err := report.GraphPage(m, time.Now()).Write(&page); err != nil {
			return err
		}
		text = page.String()
	default:
		text = m.Mermaid()
	}
	_, err := fmt.Fprint(g.con.Out(), text)
	return err
}
