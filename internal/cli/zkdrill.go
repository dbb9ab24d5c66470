package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/ssh"
	"infra/internal/zkdrill"
	"infra/internal/zookeeper"
)

// zkDrillOptions are the flags of zk drill.
type zkDrillOptions struct {
	drillOptions
	load time.Duration
}

func newZkDrillCommand(g *globals) *cobra.Command {
	var o zkDrillOptions
	cmd := describe(&cobra.Command{
		Use:   "drill ENV",
		Short: "Break the ensemble on purpose, under clients that write, and judge what becomes of it",
		Long: `Kills, hangs, stops, cuts off and fills up the servers, one scenario after the other, while clients by way of the
bastion write and read registers and make sequential and ephemeral nodes below /infra-drill. Everything that they were
told is judged: writes and compare-and-set must be linearizable, no session may see the past again, no acknowledged
node may be lost, ephemeral nodes must go with their session, and all servers must hold the same in the end. The write
gap is measured, and whether leadership moved.

The ensemble takes no writes for seconds, in some scenarios for half a minute. All harm ends by itself, also when infra
is killed; Ctrl-C ends it at once. It refuses when the ensemble is not whole, and in a protected environment without
--allow-protected and the environment's name. The report is in the run's directory, as JSON and as a page of HTML.

--load does no harm and takes no lease: clients work with the ensemble for so long, or until Ctrl-C, and what they were
told is judged. It shows what another command, such as infra zk grow, does to clients.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runZkDrill(cmd.Context(), g, args[0], o) },
	}, "  infra zk drill sandbox\n  infra zk drill sandbox --scenario kill-leader --rounds 5\n  infra zk drill sandbox --load 5m\n  infra zk drill sandbox --list",
		fault.Refused, fault.Locked, fault.Hosts)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.scenarios, "scenario", nil, "only this one, see --list (may be repeated)")
	flags.IntVar(&o.rounds, "rounds", 1, "how many times the whole list is run")
	flags.BoolVar(&o.list, "list", false, "show the scenarios and do nothing")
	flags.DurationVar(&o.load, "load", 0, "do no harm: only have clients work for so long")
	flags.BoolVar(&o.allowProtected, "allow-protected", false, "also in a protected environment; it asks for the name")
	confirmFlag(cmd, &o.confirm)
	lockFlag(cmd, &o.wait)
	return cmd
}

func runZkDrill(ctx context.Context, g *globals, name string, o zkDrillOptions) error {
	all := zkdrill.Scenarios(0)
	if err := o.check("zk", func(name string) bool {
		return slices.ContainsFunc(all, func(s zkdrill.Scenario) bool { return s.Name == name })
	}); err != nil {
		return err
	}
	if o.list {
		titles := [][2]string{}
		for _, s := range all {
			if len(o.scenarios) == 0 || slices.Contains(o.scenarios, s.Name) {
				titles = append(titles, [2]string{s.Name, s.Title})
			}
		}
		return listScenarios(g, "infra/zk-drill-list/v1", titles)
	}
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	if o.load > 0 {
		return loadEnsemble(ctx, g, p, o.load)
	}
	if err := mayDrill(g, p, o.drillOptions, "zk", "ensemble"); err != nil {
		return err
	}
	var result *zkdrill.Report
	err = p.Operate(ctx, "zk drill", o.wait, func(ctx context.Context, h *provision.Hosts) error {
		result, err = drillEnsemble(ctx, g, p, h, o)
		return err
	})
	if result == nil {
		return err
	}
	if g.con.JSON() {
		return errors.Join(err, g.con.WriteJSON(result))
	}
	g.con.Print("\n" + report.EnsembleDrillText(*result))
	return err
}

// drillEnsemble runs it and writes the report.
func drillEnsemble(ctx context.Context, g *globals, p *provision.Platform, h *provision.Hosts, o zkDrillOptions) (*zkdrill.Report, error) {
	name := p.Env.Name()
	op := "drill the ensemble of " + name
	settings, err := ensembleSettings(g, p, zkdrill.NewEnsemble(h.Inventory.Hosts()), h.Client)
	if err != nil {
		return nil, err
	}
	settings.Rounds, settings.Evidence = o.rounds, p.Run.File("evidence")
	settings.Scenarios = slices.DeleteFunc(zkdrill.Scenarios(len(settings.Ensemble.Servers)), func(s zkdrill.Scenario) bool {
		return len(o.scenarios) > 0 && !slices.Contains(o.scenarios, s.Name)
	})
	if len(settings.Scenarios) == 0 {
		return nil, fault.New(fault.Refused, op, fmt.Errorf("the scenarios need more servers than %d", len(settings.Ensemble.Servers)), "infra zk grow "+name)
	}
	started := time.Now()
	results, runErr := zkdrill.Run(ctx, settings)
	if errors.Is(runErr, zkdrill.ErrUnhealthy) && len(results) == 0 {
		return nil, fault.New(fault.Refused, op, runErr, "infra zk status "+name)
	}
	doc := zkdrill.NewReport(name, p.Run.ID, started, settings.Ensemble, o.rounds, results, runErr)
	if err := writeDrill(g, p, doc, report.EnsembleDrillPage(doc)); err != nil {
		return &doc, errors.Join(runErr, err)
	}
	return &doc, drillEnd(ctx, op, runErr, doc.Passed, "did not pass: "+strings.Join(doc.Failed(), ", "), "infra zk status "+name)
}

func ensembleSettings(g *globals, p *provision.Platform, e zkdrill.Ensemble, client *ssh.Client) (zkdrill.Settings, error) {
	op := "drill the ensemble of " + p.Env.Name()
	switch {
	case len(e.Servers) == 0:
		return zkdrill.Settings{}, fault.New(fault.Failed, op, errors.New("the state has no ZooKeeper servers"), "infra apply "+p.Env.Name())
	case e.Client.ID == "":
		return zkdrill.Settings{}, fault.New(fault.Refused, op, errors.New("there is no bastion, by way of which the clients would come"), "")
	}
	return zkdrill.Settings{
		Ensemble: e, Client: client, EC2: ec2.NewFromConfig(p.AWS()),
		Work:     zookeeper.Work{Environment: p.Env.Name(), Hosts: e.Servers, Run: client.Run, Touched: p.Touched},
		Progress: func(text string) { g.con.Step("%s", text) },
	}, nil
}

// loadEnsemble only has clients work. Another command may change the ensemble
// meanwhile, which is what it is for: it takes no lease.
func loadEnsemble(ctx context.Context, g *globals, p *provision.Platform, lasts time.Duration) error {
	inv, _, err := ensembleHosts(ctx, p)
	if err != nil {
		return err
	}
	var result zkdrill.Result
	err = reach(ctx, p, inv, func(client *ssh.Client, none error) error {
		if none != nil {
			return none
		}
		settings, err := ensembleSettings(g, p, zkdrill.NewEnsemble(inv.Hosts()), client)
		if err != nil {
			return err
		}
		result, err = zkdrill.Load(ctx, settings, lasts)
		return err
	})
	if err != nil {
		return fault.New(fault.Failed, "have clients work with the ensemble of "+p.Env.Name(), err, "infra zk status "+p.Env.Name())
	}
	doc := zkdrill.NewReport(p.Env.Name(), p.Run.ID, result.Struck, zkdrill.NewEnsemble(inv.Hosts()), 1, []zkdrill.Result{result}, nil)
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		g.con.Print("\n" + report.EnsembleDrillText(doc))
	}
	if err == nil && !doc.Passed {
		err = fault.New(fault.Failed, "have clients work with the ensemble of "+p.Env.Name(), errors.New(strings.Join(result.Findings, "; ")), "")
	}
	return err
}
