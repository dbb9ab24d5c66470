package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/ssh"
	"infra/internal/state"
)

func newPgBackupsCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "backups ENV",
		Short: "List the backups, the archived WAL, and what is or soon will be wrong with them",
		Long: `Asks pgBackRest on the primary, or on a standby while there is none. It warns when the last backup is old or bad, when
WAL is not archived, when size or duration crosses the environment's limits (products.pipeline.postgresql.backup), and
when the retention is less than twice the longest time without a good backup. Warnings do not change the exit code.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPgBackups(cmd.Context(), g, args[0]) },
	}, "  infra pg backups prod\n  infra pg backups prod --output json | jq -r '.backups[-1].label'", fault.Refused, fault.Hosts)
}

func runPgBackups(ctx context.Context, g *globals, name string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return err
	}
	hosts, err := backupHosts(p, s, inv)
	if err != nil {
		return err
	}
	var b postgresql.Backups
	err = reach(ctx, p, inv, func(client *ssh.Client, none error) (err error) {
		if none != nil {
			return none
		}
		if b, err = lookForBackups(ctx, client.Run, hosts); err != nil {
			return backupsFault(name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	now := time.Now()
	b.Warnings = b.Problems(backupLimits(p), now)
	retention := p.Env.Baseline().BackupRetentionDays
	if g.con.JSON() {
		return g.con.WriteJSON(report.BackupsDocument{Schema: "infra/pg-backups/v1", Environment: name, RetentionDays: retention, Backups: b})
	}
	_, err = fmt.Fprint(g.con.Out(), report.BackupsText(name, retention, b, now))
	return err
}

// backupHosts are the hosts that hold the database; the managed service has
// none, and backs up by itself.
func backupHosts(p *provision.Platform, s *state.State, inv *inventory.Inventory) ([]inventory.Host, error) {
	const op = "look for the backups"
	output, err := decoded[postgresql.Output](s, "postgresql")
	if err != nil {
		return nil, err
	}
	if output != nil && output.Engine == "rds" {
		return nil, fault.New(fault.Refused, op, errors.New("with engine: rds the managed service keeps its own backups"), "infra pg status "+p.Env.Name())
	}
	hosts := postgresql.DataHosts(inv)
	if len(hosts) == 0 {
		return nil, fault.New(fault.Failed, op, errors.New("the environment has no database hosts"), "infra apply "+p.Env.Name())
	}
	return hosts, nil
}

// lookForBackups asks the primary, or else whichever host answers first.
func lookForBackups(ctx context.Context, run postgresql.Run, hosts []inventory.Host) (postgresql.Backups, error) {
	if primary, err := postgresql.PrimaryHost(ctx, run, hosts); err == nil {
		return postgresql.ReadBackups(ctx, run, primary)
	}
	var failures []error
	for _, host := range hosts {
		b, err := postgresql.ReadBackups(ctx, run, host)
		if err == nil {
			return b, nil
		}
		failures = append(failures, err)
	}
	return postgresql.Backups{}, errors.Join(failures...)
}

func backupsFault(environment string, err error) error {
	return fault.New(fault.Hosts, "read the backups of "+environment, err, "infra configure "+environment+" --layer postgresql, if the hosts were never configured for backups; infra status "+environment)
}

func backupLimits(p *provision.Platform) postgresql.BackupLimits {
	backup := p.Env.Pipeline().PostgreSQL.Backup
	return postgresql.BackupLimits{RetentionDays: p.Env.Baseline().BackupRetentionDays, WarnSizeGB: backup.WarnSizeGB, WarnMinutes: backup.WarnMinutes}
}
