package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/ssh"
	"infra/internal/status"
	"infra/internal/zookeeper"
)

func newZkCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zk",
		Short: "Look after ZooKeeper: who leads, grow, shrink, replace, restart",
		Long: `The ensemble elects its leader and takes back servers that were away without anybody. A server that infra apply made
anew is taken in by the same run. These commands show how the ensemble is, and change it while it is in use.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newZkDrillCommand(g), newZkGrowCommand(g), newZkReplaceCommand(g), newZkRestartCommand(g), newZkShrinkCommand(g), newZkStatusCommand(g))
	return cmd
}

func newZkStatusCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "status ENV",
		Short: "Show the ensemble: who leads, who is in step, who votes",
		Long: `Asks every server on its own host. Nothing is changed and no lease is needed. It fails (exit 1) when something is not
as it should be; the problems are listed.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runZkStatus(cmd.Context(), g, args[0]) },
	}, "  infra zk status prod\n  infra zk status prod --output json | jq -r .members[].mode", fault.Refused)
}

// ensembleDocument is what zk status prints as JSON.
type ensembleDocument struct {
	Schema      string `json:"schema"` // infra/zk-status/v1
	Environment string `json:"environment"`
	zookeeper.Status
}

func runZkStatus(ctx context.Context, g *globals, name string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	s, err := readEnsemble(ctx, p)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(ensembleDocument{Schema: "infra/zk-status/v1", Environment: name, Status: s})
	} else {
		_, err = g.con.Out().Write([]byte(s.Text(name)))
	}
	if err != nil || s.Serving && len(s.Problems) == 0 {
		return err
	}
	state := "degraded"
	if !s.Serving {
		state = "down: it takes no writes"
	}
	return fault.New(fault.Failed, "status of the ensemble of "+name, errors.New("it is "+state), "look at the problems; infra ssh "+name+" HOST to look closer")
}

// readEnsemble asks the servers that the state has now.
func readEnsemble(ctx context.Context, p *provision.Platform) (s zookeeper.Status, err error) {
	inv, hosts, err := ensembleHosts(ctx, p)
	if err != nil {
		return s, err
	}
	err = reach(ctx, p, inv, func(client *ssh.Client, none error) error {
		run := zookeeper.Run(status.Unreachable(none))
		if none == nil {
			run = client.Run
		}
		s = zookeeper.Work{Hosts: hosts, Run: run}.Look(ctx)
		return nil
	})
	return s, err
}

func ensembleHosts(ctx context.Context, p *provision.Platform) (*inventory.Inventory, []inventory.Host, error) {
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, nil, err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, nil, err
	}
	hosts := inv.Layer("zookeeper")
	if len(hosts) == 0 {
		return nil, nil, fault.New(fault.Failed, "find the ensemble of "+p.Env.Name(), errors.New("the state has no ZooKeeper servers"), "infra apply "+p.Env.Name())
	}
	return inv, hosts, nil
}

// changeEnsemble holds the environment, looks at the ensemble and works on it.
// What was done is printed also when it failed.
func changeEnsemble(ctx context.Context, g *globals, p *provision.Platform, verb string, o byHand,
	do func(ctx context.Context, w zookeeper.Work, now zookeeper.Status, h *provision.Hosts) (*zookeeper.Done, error),
) error {
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	var done *zookeeper.Done
	err := p.Operate(ctx, verb, o.wait, func(ctx context.Context, h *provision.Hosts) error {
		w := zookeeper.Work{
			Environment: p.Env.Name(), Hosts: h.Inventory.Layer("zookeeper"), Run: h.Client.Run, Touched: p.Touched,
			Tell: func(s zookeeper.Step) { tellStep(g, p, s.At, s.Server, s.What) },
		}
		g.con.Live("looking at the ensemble")
		now := w.Look(ctx)
		g.con.Live("")
		var err error
		done, err = do(ctx, w, now, h)
		return err
	})
	if done == nil {
		return err
	}
	return errors.Join(err, printEnsembleDone(g, verb, done))
}

func printEnsembleDone(g *globals, verb string, done *zookeeper.Done) error {
	if g.con.JSON() {
		return g.con.WriteJSON(done)
	}
	g.con.Print(fmt.Sprintf("\n%s of %s: %s in %s\n", verb, done.Environment, strings.Join(done.Servers, ", "), done.Ended.Sub(done.Began).Round(time.Second/10)))
	for _, problem := range done.Problems {
		g.con.Print("  problem: " + problem + "\n")
	}
	if len(done.Problems) > 0 {
		g.con.Warn("not everything is as it should be yet; next: infra zk status %s", done.Environment)
	}
	return nil
}
