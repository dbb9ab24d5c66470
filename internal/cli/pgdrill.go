package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/pgdrill"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// drillOptions are the flags of pg pgdrill.
type drillOptions struct {
	scenarios      []string
	rounds         int
	list           bool
	allowProtected bool
	confirm        string
	wait           run.Wait
}

func newPgDrillCommand(g *globals) *cobra.Command {
	var o drillOptions
	cmd := describe(&cobra.Command{
		Use:   "drill ENV",
		Short: "Break the database on purpose, under a client that writes, and judge what becomes of it",
		Long: `Kills, hangs, stops, cuts off and fills up the database's hosts, one scenario after the other, while a client on the
bastion writes numbered rows through the clients' address. Measures the write gap and the acknowledged rows that are
lost, watches that never two nodes take writes, and waits after each scenario until the cluster has repaired itself.

The database is not available for seconds to minutes in most scenarios. All harm ends by itself after about a minute,
also when infra is killed; Ctrl-C ends it at once. It refuses when the database is not healthy, and in a protected
environment without --allow-protected and the environment's name. The report is in the run's directory, as JSON and
as a page of HTML.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPgDrill(cmd.Context(), g, args[0], o) },
	}, "  infra pg drill sandbox\n  infra pg drill sandbox --scenario kill --rounds 5\n  infra pg drill sandbox --list", fault.Refused, fault.Locked, fault.Hosts)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.scenarios, "scenario", nil, "only this one, see --list (may be repeated)")
	flags.IntVar(&o.rounds, "rounds", 1, "how many times the whole list is run")
	flags.BoolVar(&o.list, "list", false, "show the scenarios and do nothing")
	flags.BoolVar(&o.allowProtected, "allow-protected", false, "also in a protected environment; it asks for the name")
	confirmFlag(cmd, &o.confirm)
	lockFlag(cmd, &o.wait)
	return cmd
}

func runPgDrill(ctx context.Context, g *globals, name string, o drillOptions) error {
	scenarios := pgdrill.Scenarios()
	if err := o.check("pg", func(name string) bool {
		return slices.ContainsFunc(scenarios, func(s pgdrill.Scenario) bool { return s.Name == name })
	}); err != nil {
		return err
	}
	if len(o.scenarios) > 0 {
		scenarios = slices.DeleteFunc(scenarios, func(s pgdrill.Scenario) bool { return !slices.Contains(o.scenarios, s.Name) })
	}
	if o.list {
		titles := [][2]string{}
		for _, s := range scenarios {
			titles = append(titles, [2]string{s.Name, s.Title})
		}
		return listScenarios(g, "infra/pg-drill-list/v1", titles)
	}
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	if err := mayDrill(g, p, o, "pg", "database"); err != nil {
		return err
	}
	var result *pgdrill.Report
	err = p.Operate(ctx, "pg drill", o.wait, func(ctx context.Context, h *provision.Hosts) error {
		result, err = runDrill(ctx, g, p, h, scenarios, o.rounds)
		return err
	})
	if result == nil {
		return err
	}
	if g.con.JSON() {
		return errors.Join(err, g.con.WriteJSON(result))
	}
	g.con.Print("\n" + report.DrillText(*result))
	return err
}

// check refuses what cannot be asked for; known says whether there is a
// scenario of that name.
func (o drillOptions) check(command string, known func(string) bool) error {
	if o.rounds < 1 {
		return fault.New(fault.Usage, "", errors.New("--rounds must be at least 1"), "infra "+command+" drill --help")
	}
	for _, name := range o.scenarios {
		if !known(name) {
			return fault.New(fault.Usage, "", fmt.Errorf("there is no scenario %q", name), "infra "+command+" drill ENV --list")
		}
	}
	return nil
}

// scenarioDocument is what --list prints as JSON.
type scenarioDocument struct {
	Schema    string            `json:"schema"` // infra/pg-drill-list/v1 or infra/zk-drill-list/v1
	Scenarios map[string]string `json:"scenarios"`
}

// listScenarios shows names and titles.
func listScenarios(g *globals, schema string, titles [][2]string) error {
	if g.con.JSON() {
		doc := scenarioDocument{Schema: schema, Scenarios: map[string]string{}}
		for _, s := range titles {
			doc.Scenarios[s[0]] = s[1]
		}
		return g.con.WriteJSON(doc)
	}
	var b strings.Builder
	for _, s := range titles {
		fmt.Fprintf(&b, "%-18s %s\n", s[0], s[1])
	}
	_, err := g.con.Out().Write([]byte(b.String()))
	return err
}

// mayDrill refuses where harm is not to be done.
func mayDrill(g *globals, p *provision.Platform, o drillOptions, command, what string) error {
	name := p.Env.Name()
	if o.confirm != "" {
		if err := guard.Typed(name, o.confirm); err != nil {
			return err
		}
	}
	if !p.Env.Protected() {
		return nil
	}
	if !o.allowProtected {
		return fault.New(fault.Refused, "drill the "+what+" of "+name, errors.New("the environment is protected, and a drill breaks the "+what+" on purpose"),
			"infra "+command+" drill "+name+" --allow-protected, when nobody depends on it")
	}
	if o.confirm != "" {
		return nil
	}
	err := g.con.Confirm("The drill breaks the "+what+" of "+name+" on purpose, again and again.", name)
	if err != nil {
		return fault.New(fault.Refused, "drill the "+what+" of "+name, err, "infra "+command+" drill "+name+" --allow-protected --confirm "+name)
	}
	return nil
}

// runDrill runs it on the platform's hosts and writes the report.
func runDrill(ctx context.Context, g *globals, p *provision.Platform, h *provision.Hosts, scenarios []pgdrill.Scenario, rounds int) (*pgdrill.Report, error) {
	op := "drill the database of " + p.Env.Name()
	machines := ec2.NewFromConfig(p.AWS())
	output, cluster, err := drillCluster(p, h)
	if err != nil {
		return nil, err
	}
	health := func(ctx context.Context) postgresql.Status {
		const limit = 30 * time.Second // a host that is away does not say so
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return postgresql.Read(ctx, h.Client.Run, machines, cluster.Nodes(), *output)
	}
	if cluster.Synchronous, err = pgdrill.Synchronous(ctx, h.Client, cluster); err != nil {
		return nil, fault.New(fault.Hosts, op, err, "infra status "+p.Env.Name())
	}
	started := time.Now()
	results, runErr := pgdrill.Run(ctx, pgdrill.Settings{
		Cluster: cluster, Client: h.Client, EC2: machines, Scenarios: scenarios, Rounds: rounds, Health: health,
		Progress: func(text string) { g.con.Step("%s", text) },
	})
	if errors.Is(runErr, pgdrill.ErrUnhealthy) && len(results) == 0 {
		return nil, fault.New(fault.Refused, op, runErr, "infra pg status "+p.Env.Name())
	}
	doc := pgdrill.NewReport(p.Env.Name(), p.Run.ID, started, cluster, rounds, results, runErr)
	if err := writeDrill(g, p, doc, report.DrillPage(doc)); err != nil {
		return &doc, errors.Join(runErr, err)
	}
	return &doc, drillEnd(ctx, op, runErr, doc.Passed, doc.Why(), "infra pg status "+p.Env.Name())
}

// drillEnd is how the command ends: a drill that found something wrong has
// failed.
func drillEnd(ctx context.Context, op string, stopped error, passed bool, why, hint string) error {
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Interrupted, op, errors.Join(context.Cause(ctx), stopped), "")
	case stopped != nil:
		return fault.New(fault.Failed, op, stopped, hint)
	case !passed:
		return fault.New(fault.Failed, op, errors.New(why), "")
	}
	return nil
}

// drillCluster reads from the state what there is to break.
func drillCluster(p *provision.Platform, h *provision.Hosts) (*postgresql.Output, pgdrill.Cluster, error) {
	op := "drill the database of " + p.Env.Name()
	output, err := decoded[postgresql.Output](h.State, "postgresql")
	if err != nil {
		return nil, pgdrill.Cluster{}, err
	}
	variables, err := variablesOf[struct {
		Version string `json:"postgresql_version"`
		Name    string `json:"postgresql_endpoint_name"`
	}](h.State, "postgresql")
	if err != nil {
		return nil, pgdrill.Cluster{}, err
	}
	if output == nil || output.Engine != "postgresql" {
		return nil, pgdrill.Cluster{}, fault.New(fault.Refused, op, errors.New("it has no hosts: the managed service does its failovers itself"), "infra pg status "+p.Env.Name())
	}
	cluster := pgdrill.NewCluster(h.Inventory.Hosts(), *output, variables.Name, variables.Version)
	if cluster.Client.ID == "" {
		return nil, pgdrill.Cluster{}, fault.New(fault.Refused, op, errors.New("there is no bastion, and no other host that the client could run on"), "")
	}
	return output, cluster, nil
}

// writeDrill puts the report into the run's directory.
func writeDrill(g *globals, p *provision.Platform, doc any, page report.Page) error {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if _, err := p.Run.Write("drill.json", text); err != nil {
		return err
	}
	var rendered bytes.Buffer
	if err := page.Write(&rendered); err != nil {
		return err
	}
	path, err := p.Run.Write("drill.html", rendered.Bytes())
	if err != nil {
		return err
	}
	g.con.Step("the report: %s", path)
	return nil
}
