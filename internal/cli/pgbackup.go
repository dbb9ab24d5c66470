package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// pgBackupOptions are the flags of pg backup.
type pgBackupOptions struct {
	kind string
	wait run.Wait
}

func newPgBackupCommand(g *globals) *cobra.Command {
	var o pgBackupOptions
	cmd := describe(&cobra.Command{
		Use:   "backup ENV",
		Short: "Make a backup now, besides those of the timers",
		Long: `Has the primary's host make a backup and waits for it. A differential one holds what changed since the last full one;
without a full one, or when one that was due is missing, a full one is made. When infra is interrupted the host goes on.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{postgresql.FullBackup, postgresql.DifferentialBackup}, o.kind) {
				return fault.New(fault.Usage, "", fmt.Errorf("--type is %q, it can be full or diff", o.kind), "infra pg backup --help")
			}
			return runPgBackup(cmd.Context(), g, args[0], o)
		},
	}, "  infra pg backup prod\n  infra pg backup prod --type full", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringVar(&o.kind, "type", postgresql.DifferentialBackup, "full or diff")
	lockFlag(cmd, &o.wait)
	return cmd
}

func runPgBackup(ctx context.Context, g *globals, name string, o pgBackupOptions) error {
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	var document report.BackupDocument
	err = p.Operate(ctx, "pg backup", o.wait, func(ctx context.Context, h *provision.Hosts) error {
		document, err = makeBackup(ctx, g, p, h, o.kind)
		return err
	})
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(document)
	}
	_, err = fmt.Fprint(g.con.Out(), report.BackupText(document))
	return err
}

// firstBackup makes the first backup of a new cluster where there is none yet:
// the timers would within minutes, and until then it could not be restored. look
// is who asks whether there is one; it tells whether it made one.
func firstBackup(ctx context.Context, g *globals, look *provision.Platform, verb string, wait run.Wait) (bool, error) {
	sources, err := statusSources(ctx, look)
	if err != nil || len(postgresql.DataHosts(sources.Inventory)) == 0 {
		return false, err
	}
	if o, err := readOverview(ctx, look); err == nil && o.Backup != nil && !o.Backup.Bad {
		return false, nil
	}
	p, err := begin(ctx, g, look.Env.Name(), provision.Selection{Wait: wait})
	if err != nil {
		return false, err
	}
	// The kind that the timers begin with: where they have begun already, that is waited for.
	return true, p.Operate(ctx, verb, wait, func(ctx context.Context, h *provision.Hosts) error {
		_, err := makeBackup(ctx, g, p, h, postgresql.DifferentialBackup)
		return err
	})
}

func makeBackup(ctx context.Context, g *globals, p *provision.Platform, h *provision.Hosts, kind string) (report.BackupDocument, error) {
	name := p.Env.Name()
	op := "back up the database of " + name
	none := report.BackupDocument{}
	hosts, err := backupHosts(p, h.State, h.Inventory)
	if err != nil {
		return none, err
	}
	primary, err := postgresql.PrimaryHost(ctx, h.Client.Run, hosts)
	if err != nil {
		return none, fault.New(fault.Hosts, op, err, "infra pg status "+name)
	}
	g.con.Step("%s: backing up (%s)", primary.Name, kind)
	started := time.Now()
	defer g.con.Live("")
	made, err := postgresql.MakeBackup(ctx, h.Client.Run, primary, kind, func(progress string) {
		g.con.Live("%s: backing up: %s, %s", primary.Name, progress, console.Elapsed(time.Since(started)))
	})
	if err != nil {
		p.Touched(primary, "backup failed")
		code := fault.Failed
		if errors.Is(err, context.Canceled) {
			code = fault.Interrupted
		}
		return none, fault.New(code, op, err, "infra pg backups "+name+"; infra ssh "+name+" "+primary.Name+" -- sudo journalctl -n 50 -u infra-postgresql-backup-"+kind)
	}
	p.Touched(primary, "backed up")
	g.con.Step("%s: backup %s made", primary.Name, made.Label)
	p.Did(primary.Name, "made backup "+made.Label)
	document := report.BackupDocument{Schema: "infra/pg-backup/v1", Environment: name, Host: primary.Name, Backup: made, Warnings: []string{}}
	if b, err := postgresql.ReadBackups(ctx, h.Client.Run, primary); err == nil {
		document.Warnings = b.Problems(backupLimits(p), time.Now())
	}
	return document, nil
}
