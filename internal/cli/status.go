package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infra/internal/emr"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/ssh"
	"infra/internal/state"
	"infra/internal/status"
	"infra/internal/trace"
)

func newStatusCommand(g *globals) *cobra.Command {
	var noProbe bool
	cmd := describe(&cobra.Command{
		Use:   "status ENV",
		Short: "Show the platform's health, asked from the real servers",
		Long: `Asks every ZooKeeper and PostgreSQL server and the EMR clusters how they are. It fails (exit 1) when something is not
healthy. With --no-probe it shows what the state knows, at once.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runStatus(cmd.Context(), g, args[0], noProbe) },
	}, "  infra status prod\n  infra status prod --no-probe\n  infra status prod --output json | jq .state", fault.Refused)
	cmd.Flags().BoolVar(&noProbe, "no-probe", false, "only what the state knows; nothing is asked")
	return cmd
}

func runStatus(ctx context.Context, g *globals, name string, noProbe bool) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	p, err := provision.Connect(ctx, project, name, g.con)
	if err != nil {
		return err
	}
	sources, err := statusSources(ctx, p)
	if err != nil {
		return err
	}
	var report *status.Report
	if noProbe {
		report = status.Recorded(sources)
	} else if report, err = probe(ctx, p, sources); err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(report)
	} else {
		err = report.Text(g.con.Out())
	}
	if err != nil || noProbe || report.Healthy() {
		return err
	}
	return fault.New(fault.Failed, "status of "+name, errors.New("it is "+report.State), "infra apply "+name+", if a change is what is missing; infra ssh "+name+" HOST to look closer")
}

// statusSources reads from the state what there is to ask.
func statusSources(ctx context.Context, p *provision.Platform) (status.Sources, error) {
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return status.Sources{}, err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return status.Sources{}, err
	}
	sources := status.Sources{Inventory: inv, AWS: p.AWS()}
	if sources.PostgreSQL, err = decoded[postgresql.Output](s, "postgresql"); err != nil {
		return status.Sources{}, err
	}
	sources.EMR, err = decoded[emr.Output](s, "emr")
	return sources, err
}

// decoded is an output of the state, nil when the state has none.
func decoded[T any](s *state.State, name string) (*T, error) {
	v := new(T)
	found, err := s.Decode(name, v)
	if err != nil {
		return nil, fault.New(fault.Failed, "read the state", err, "")
	}
	if !found {
		return nil, nil //nolint:nilnil // an output that is not there is no error
	}
	return v, nil
}

// variablesOf are Ansible's variables of a layer.
func variablesOf[T any](s *state.State, layer string) (T, error) {
	v, err := inventory.Variables[T](s.Values(), layer)
	if err != nil {
		return v, fault.New(fault.Failed, "read the state", err, "")
	}
	return v, nil
}

// probe asks everything. That there is no way to the hosts is part of the
// report, not the end of it.
func probe(ctx context.Context, p *provision.Platform, sources status.Sources) (report *status.Report, err error) {
	ctx, end := trace.Start(ctx, "status")
	defer end(&err)
	err = reach(ctx, p, sources.Inventory, func(client *ssh.Client, none error) error {
		if sources.Run = status.Unreachable(none); none == nil {
			sources.Run = client.Run
		}
		report = status.Read(ctx, sources)
		return nil
	})
	return report, err
}
