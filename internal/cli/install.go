package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/install"
	"infra/internal/preflight"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/terraform"
)

// installOptions are the flags of install.
type installOptions struct {
	changeOptions
	autoApprove bool
	html        string
}

func newInstallCommand(g *globals) *cobra.Command {
	var o installOptions
	cmd := describe(&cobra.Command{
		Use:   "install ENV",
		Short: "Install the whole platform into a customer's account, and hand it over",
		Long: `Preflight (the account, the role and its external id, permissions, quotas, networks that would overlap, zones and
instance types, the EMR release, endpoints: everything is looked at before anything is made, and all findings are shown
at once), the state bucket, apply, configuration of the hosts, the database's first backup, acceptance (no difference to
the code, nothing that nobody manages, every server asked itself, the last backup, the alarms), and a handover report.

It asks once. How far it got is written down beside the ledger: interrupted, also by the loss of this machine, the same
command goes on, after it has recovered the run that was killed. What is installed is only looked at: a second run
changes nothing, unless something is missing. The report is in .infra/handover/, without secrets.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runInstall(cmd.Context(), g, args[0], o) },
	}, "  infra install acme\n  infra install acme --confirm acme --html acme.html\n  infra install acme --auto-approve --output json | jq '.acceptance[] | select(.ok | not)'",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	patientFlags(cmd, &o.changeOptions)
	flags := cmd.Flags()
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	flags.StringVar(&o.html, "html", "", "also write the handover report as a page to this file")
	return cmd
}

// patientFlags are those of a command that goes on after an interruption: what
// a killed one has started still holds the lease for a while.
func patientFlags(cmd *cobra.Command, o *changeOptions) {
	flags := cmd.Flags()
	flags.DurationVar(&o.sel.Wait.Timeout, "lock-timeout", 5*time.Minute, "how long to wait while another run holds the environment")
	flags.IntVar(&o.sel.Parallelism, "parallelism", parallelism, "how many resources Terraform works on at once")
	dirtyFlag(cmd, &o.allowDirty)
	confirmFlag(cmd, &o.confirm)
}

// installation is one that goes on.
type installation struct {
	g     *globals
	name  string
	o     installOptions
	p     *provision.Platform
	began time.Time

	record   *customerRecord
	findings []preflight.Finding
	checks   []install.Check
	changed  bool   // this command has changed something
	again    string // the command to type again; empty: infra install
}

func runInstall(ctx context.Context, g *globals, name string, o installOptions) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	i := &installation{g: g, name: name, o: o, p: p, began: time.Now()}
	if err := i.preflight(ctx); err != nil {
		return err
	}
	if err := i.bootstrap(ctx); err != nil {
		return err
	}
	if i.record.Accepted.IsZero() || !i.stands(ctx) {
		if err := i.build(ctx); err != nil {
			return err
		}
		made, err := firstBackup(ctx, g, i.p, "install", o.sel.Wait)
		i.changed = i.changed || made
		if err != nil {
			return err
		}
		if err := i.phase(ctx, install.Acceptance, i.accept); err != nil {
			return err
		}
	}
	return i.handOver(ctx)
}

// preflight looks at everything before anything is made.
func (i *installation) preflight(ctx context.Context) error {
	tellPhase(i.g.con, install.Phases(), install.Preflight)
	taken, err := environment.Networks(i.p.Project, i.name)
	if err != nil {
		return err
	}
	sources := preflight.Sources{Env: i.p.Env, AWS: i.p.AWS(), Taken: taken}
	if !i.p.Env.Emulated() {
		sources.Reach = append(sources.Reach, preflight.Place{Name: "Debian's packages", URL: "https://deb.debian.org"})
		if terraform.Mirror(terraform.MirrorPlaces()) == "" {
			sources.Reach = append(sources.Reach, preflight.Place{Name: "Terraform's providers", URL: terraform.Registry})
		}
	}
	i.findings = preflight.Examine(ctx, sources)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	i.g.con.Print(report.PreflightText(i.findings))
	if bad := preflight.Refused(i.findings); len(bad) > 0 {
		if i.g.con.JSON() {
			if err := i.g.con.WriteJSON(report.Preflight(i.name, i.findings)); err != nil {
				return err
			}
		}
		return fault.New(fault.Refused, "install "+i.name, fmt.Errorf("%s would fail or do harm, nothing was made", console.Count(len(bad), "thing")),
			"what stands after `mend:` above, then infra install "+i.name)
	}
	return nil
}

// bootstrap makes the state bucket, in which from here on everything is
// written down.
func (i *installation) bootstrap(ctx context.Context) error {
	looked := time.Now()
	exists, err := i.p.Bucket().Exists(ctx)
	if err != nil {
		return err
	}
	i.record = newCustomerRecord(i.name, i.p.Runs(), i.began)
	if exists {
		if err := i.record.read(ctx); err != nil {
			return err
		}
	}
	if r := i.record.Removal; r != nil {
		return fault.New(fault.Refused, "install "+i.name, errors.New("it is being uninstalled since "+r.Began.Format(time.DateTime)), "infra uninstall "+i.name+", to the end")
	}
	if at := i.record.Interrupted(); at != "" {
		i.g.con.Step("an earlier installation was interrupted in %s: going on", at)
	}
	i.record.Begin(install.Preflight, i.began)
	i.record.End(install.Preflight, looked, true)
	tellPhase(i.g.con, install.Phases(), install.Bootstrap)
	i.record.Begin(install.Bootstrap, looked)
	did, err := i.p.Bootstrap(ctx)
	for _, line := range did {
		i.changed = true
		i.g.con.Step("%s", line)
	}
	if err != nil {
		return err
	}
	i.record.End(install.Bootstrap, time.Now(), true)
	return i.record.note(ctx)
}

// phase goes through a phase of this installation.
func (i *installation) phase(ctx context.Context, phase install.Phase, work func(context.Context) error) error {
	return phases{i.g.con, "install", install.Phases(), i.record.Record, i.record.note}.in(ctx, phase, work)
}

// stands tells whether what was accepted before still is as it should be.
func (i *installation) stands(ctx context.Context) bool {
	i.g.con.Step("%s is installed since %s: looking whether it still is as it should be", i.name, i.record.Accepted.Format(time.DateTime))
	err := i.phase(ctx, install.Acceptance, i.accept)
	if err == nil {
		return true
	}
	if ctx.Err() == nil {
		i.g.con.Warn("%s; the installation goes on to put it right", i.g.con.Masked(err.Error()))
	}
	return false
}
