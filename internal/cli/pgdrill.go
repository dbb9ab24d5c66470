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

	"infra/internal/drill"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// drillOptions are the flags of pg drill.
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
	scenarios, err := chosenScenarios(o)
	if err != nil {
		return err
	}
	if o.list {
		return listScenarios(g, scenarios)
	}
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	if err := mayDrill(g, p, o); err != nil {
		return err
	}
	var result *drill.Report
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

// chosenScenarios are those that the flags name, in the order of the list.
func chosenScenarios(o drillOptions) ([]drill.Scenario, error) {
	all := drill.Scenarios()
	if o.rounds < 1 {
		return nil, fault.New(fault.Usage, "", errors.New("--rounds must be at least 1"), "infra pg drill --help")
	}
	for _, name := range o.scenarios {
		if !slices.ContainsFunc(all, func(s drill.Scenario) bool { return s.Name == name }) {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("there is no scenario %q", name), "infra pg drill ENV --list")
		}
	}
	if len(o.scenarios) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(all, func(s drill.Scenario) bool { return !slices.Contains(o.scenarios, s.Name) }), nil
}

// scenarioDocument is what --list prints as JSON.
type scenarioDocument struct {
	Schema    string            `json:"schema"` // infra/pg-drill-list/v1
	Scenarios map[string]string `json:"scenarios"`
}

func listScenarios(g *globals, scenarios []drill.Scenario) error {
	if g.con.JSON() {
		doc := scenarioDocument{Schema: "infra/pg-drill-list/v1", Scenarios: map[string]string{}}
		for _, s := range scenarios {
			doc.Scenarios[s.Name] = s.Title
		}
		return g.con.WriteJSON(doc)
	}
	var b strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&b, "%-18s %s\n", s.Name, s.Title)
	}
	_, err := g.con.Out().Write([]byte(b.String()))
	return err
}

// mayDrill refuses where harm is not to be done.
func mayDrill(g *globals, p *provision.Platform, o drillOptions) error {
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
		return fault.New(fault.Refused, "drill the database of "+name, errors.New("the environment is protected, and a drill breaks the database on purpose"),
			"infra pg drill "+name+" --allow-protected, when nobody depends on it")
	}
	if o.confirm != "" {
		return nil
	}
	err := g.con.Confirm("The drill breaks the database of "+name+" on purpose, again and again.", name)
	if err != nil {
		return fault.New(fault.Refused, "drill the database of "+name, err, "infra pg drill "+name+" --allow-protected --confirm "+name)
	}
	return nil
}

// runDrill runs it on the platform's hosts and writes the report. A drill
// that found something wrong has failed.
func runDrill(ctx context.Context, g *globals, p *provision.Platform, h *provision.Hosts, scenarios []drill.Scenario, rounds int) (*drill.Report, error) {
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
	if cluster.Synchronous, err = drill.Synchronous(ctx, h.Client, cluster); err != nil {
		return nil, fault.New(fault.Hosts, op, err, "infra status "+p.Env.Name())
	}
	started := time.Now()
	results, runErr := drill.Run(ctx, drill.Settings{
		Cluster: cluster, Client: h.Client, EC2: machines, Scenarios: scenarios, Rounds: rounds, Health: health,
		Progress: func(text string) { g.con.Step("%s", text) },
	})
	if errors.Is(runErr, drill.ErrUnhealthy) && len(results) == 0 {
		return nil, fault.New(fault.Refused, op, runErr, "infra pg status "+p.Env.Name())
	}
	doc := drill.NewReport(p.Env.Name(), p.Run.ID, started, cluster, rounds, results, runErr)
	if err := writeDrill(g, p, doc); err != nil {
		return &doc, errors.Join(runErr, err)
	}
	switch {
	case ctx.Err() != nil:
		return &doc, fault.New(fault.Interrupted, op, errors.Join(context.Cause(ctx), runErr), "")
	case runErr != nil:
		return &doc, fault.New(fault.Failed, op, runErr, "infra pg status "+p.Env.Name())
	case !doc.Passed:
		return &doc, fault.New(fault.Failed, op, errors.New(doc.Why()), "")
	}
	return &doc, nil
}

// drillCluster reads from the state what there is to break.
func drillCluster(p *provision.Platform, h *provision.Hosts) (*postgresql.Output, drill.Cluster, error) {
	op := "drill the database of " + p.Env.Name()
	output, err := decoded[postgresql.Output](h.State, "postgresql")
	if err != nil {
		return nil, drill.Cluster{}, err
	}
	variables, err := decoded[struct {
		PostgreSQL struct {
			Version string `json:"postgresql_version"`
			Name    string `json:"postgresql_endpoint_name"`
		} `json:"postgresql"`
	}](h.State, "group_vars")
	if err != nil {
		return nil, drill.Cluster{}, err
	}
	if output == nil || variables == nil || output.Engine != "postgresql" {
		return nil, drill.Cluster{}, fault.New(fault.Refused, op, errors.New("it has no hosts: the managed service does its failovers itself"), "infra pg status "+p.Env.Name())
	}
	cluster := drill.NewCluster(h.Inventory.Hosts(), *output, variables.PostgreSQL.Name, variables.PostgreSQL.Version)
	if cluster.Client.ID == "" {
		return nil, drill.Cluster{}, fault.New(fault.Refused, op, errors.New("there is no bastion, and no other host that the client could run on"), "")
	}
	return output, cluster, nil
}

// writeDrill puts the report into the run's directory.
func writeDrill(g *globals, p *provision.Platform, doc drill.Report) error {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if _, err := p.Run.Write("drill.json", text); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.DrillPage(doc).Write(&page); err != nil {
		return err
	}
	path, err := p.Run.Write("drill.html", page.Bytes())
	if err != nil {
		return err
	}
	g.con.Step("the report: %s", path)
	return nil
}
