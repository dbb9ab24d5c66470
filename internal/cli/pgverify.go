package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/restore"
	"infra/internal/run"
)

// pgVerifyOptions are the flags of pg verify.
type pgVerifyOptions struct {
	limits  restore.Limits
	ca      string
	timeout time.Duration
	wait    run.Wait
}

// managedLoss is how much of a managed database may not come back by default:
// RDS itself keeps its WAL every five minutes only.
const managedLoss = 15 * time.Minute

func newPgVerifyCommand(g *globals) *cobra.Command {
	var o pgVerifyOptions
	cmd := describe(&cobra.Command{
		Use:   "verify ENV",
		Short: "Prove the last backup: restore it to a throwaway host and check everything in it",
		Long: `Restores the last backup and the WAL after it to a host of its own, which is removed again whatever happens, also on
Ctrl-C. It fails (exit 1), with a line for each reason, when the backup is too old, WAL or a file of the repository is
missing or damaged, an index, a table, a page or a canary row is not as it was written, or too much did not come back.
It measures the time until the restored server answers (RTO) and what of the primary's heartbeat is missing (RPO).

The report is verify.json and verify.html in the run's directory, and verify/ENV/RUN.json and .html in the state bucket.
With engine rds, RDS restores its latest moment to an instance of its own, which is asked through the bastion and deleted.
Should infra be killed, ` + "`infra recover ENV`" + ` finds the host. Meant for a schedule: once a day, before the alarm at 26 hours.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPgVerify(cmd.Context(), g, args[0], o, cmd.Flags().Changed("max-loss"))
		},
	}, "  infra pg verify prod\n  infra pg verify prod --max-age 3h --output json", fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().DurationVar(&o.limits.Age, "max-age", 26*time.Hour, "how old the last backup may be")
	cmd.Flags().DurationVar(&o.limits.RPO, "max-loss", 5*time.Minute, "how much of the primary may not come back; with engine rds 15m, for RDS keeps its WAL every five minutes")
	cmd.Flags().StringVar(&o.ca, "ca", "", "with engine rds: file with the certificates that RDS's come from (default: those that AWS publishes)")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 12*time.Hour, "give up, and remove the host, after that long")
	lockFlag(cmd, &o.wait)
	return cmd
}

func runPgVerify(ctx context.Context, g *globals, name string, o pgVerifyOptions, lossChosen bool) error {
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	var document *restore.Report
	err = p.Operate(ctx, "pg verify", o.wait, func(ctx context.Context, h *provision.Hosts) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fault.New(fault.Failed, "verify "+name, fmt.Errorf("not done after %s", o.timeout), "infra pg verify "+name+" --timeout LONGER"))
		defer cancel()
		output, err := managedOutput(h.State)
		if err != nil {
			return err
		}
		if output != nil {
			if !lossChosen {
				o.limits.RPO = managedLoss
			}
			document, err = restore.VerifyInstance(ctx, p, h, *output, o.limits, o.ca, g.con.Step)
		} else {
			document, err = restore.Verify(ctx, p, h, o.limits, g.con.Step)
		}
		return errors.Join(err, keepPage(context.WithoutCancel(ctx), p, document))
	})
	if document == nil || len(document.Checks) == 0 {
		return err
	}
	if g.con.JSON() {
		err = errors.Join(err, g.con.WriteJSON(document))
	} else {
		g.con.Print(document.Text())
	}
	if err != nil || document.Passed {
		return err
	}
	hint := p.Run.File("verify.html") + " has the whole report"
	if document.BackupType != restore.ManagedBackup {
		hint = "infra pg backup " + name + " --type full makes a new one; " + hint
	}
	return fault.New(fault.Failed, "verify the backups of "+name, errors.New(strings.Join(document.Failures(), "\n  ")), hint)
}

// keepPage writes the report for people beside the one for programs.
func keepPage(ctx context.Context, p *provision.Platform, document *restore.Report) error {
	if document == nil || len(document.Checks) == 0 {
		return nil
	}
	var page bytes.Buffer
	if err := report.VerifyPage(document).Write(&page); err != nil {
		return err
	}
	if _, err := p.Run.Write("verify.html", page.Bytes()); err != nil {
		return fault.New(fault.Failed, "keep the report", err, "")
	}
	return restore.Keep(ctx, p, restore.Key(document.Environment, document.Run, "html"), "text/html; charset=utf-8", page.Bytes())
}
