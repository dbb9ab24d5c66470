package cli

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/ssh"
	"infra/internal/state"
	"infra/internal/status"
)

func newPgStatusCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "status ENV",
		Short: "Show the database: roles, lag, slots, fences, who has the address, the last backup and verified restore",
		Long: `Asks every server, EC2 and the records of backups and restores. Nothing is changed and no lease is needed. It fails
(exit 1) when something is not as it should be; the problems are listed.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPgStatus(cmd.Context(), g, args[0]) },
	}, "  infra pg status prod\n  infra pg status prod --output json | jq -r .state", fault.Refused)
}

func runPgStatus(ctx context.Context, g *globals, name string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	overview, err := readOverview(ctx, p)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(overview)
	} else {
		err = overview.Text(g.con.Out())
	}
	if err != nil || overview.Healthy() {
		return err
	}
	return fault.New(fault.Failed, "status of the database of "+name, errors.New("it is "+overview.State), "look at the problems; infra ssh "+name+" HOST to look closer")
}

// readOverview asks everything that is to be known of the database. That there
// is no way to the hosts is part of it.
func readOverview(ctx context.Context, p *provision.Platform) (overview *postgresql.Overview, err error) {
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, err
	}
	sources, err := databaseSources(p, s, inv, nil)
	if err != nil || sources.Output.Engine == "rds" {
		return postgresql.ReadOverview(ctx, sources), err
	}
	err = reach(ctx, p, inv, func(client *ssh.Client, none error) error {
		if sources.Run = postgresql.Run(status.Unreachable(none)); none == nil {
			sources.Run = client.Run
		}
		overview = postgresql.ReadOverview(ctx, sources)
		return nil
	})
	return overview, err
}

// databaseSources are what is asked about the database of a platform.
func databaseSources(p *provision.Platform, s *state.State, inv *inventory.Inventory, run postgresql.Run) (postgresql.Sources, error) {
	output, err := decoded[postgresql.Output](s, "postgresql")
	if err != nil {
		return postgresql.Sources{}, err
	}
	if output == nil {
		return postgresql.Sources{}, fault.New(fault.Failed, "find the database of "+p.Env.Name(), errors.New("the state has no output postgresql"), "infra apply "+p.Env.Name())
	}
	var bastion *inventory.Host
	if b, ok := inv.Bastion(); ok {
		bastion = &b
	}
	return postgresql.Sources{
		Common: inv.Common(), Hosts: inv.Layer("postgresql"), Bastion: bastion, Output: *output, Run: run, AWS: p.AWS(),
		Records: postgresql.Records{
			Client: s3.NewFromConfig(p.AWS(), func(o *s3.Options) { o.UsePathStyle = p.Env.Emulated() }),
			Bucket: p.Bucket().Name, Account: p.Env.Account(), Environment: p.Env.Name(),
		},
		Limits: backupLimits(p),
	}, nil
}
