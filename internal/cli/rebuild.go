package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/restore"
)

// rebuildOptions are the flags of rebuild.
type rebuildOptions struct {
	changeOptions
	region      string
	to          string
	cidr        string
	zones       []string
	lostAt      string
	html        string
	check       bool
	rehearse    bool
	autoApprove bool

	lost time.Time // of lostAt
}

func newRebuildCommand(g *globals) *cobra.Command {
	var o rebuildOptions
	cmd := describe(&cobra.Command{
		Use:   "rebuild ENV --region REGION --to NAME",
		Short: "Build the whole environment again in another region, with its data",
		Long: `For when ENV's region is lost: nothing is asked of it. What is needed is this checkout, and the second copy that ENV
keeps in REGION once recovery.region of its file says so: backups and WAL of the database, their passphrase, the states.
It makes an environment NAME that extends ENV and builds it: preflight, state bucket, apply, the data (restored to the
last WAL that was archived there), configuration of the hosts, acceptance. It asks once. How far it got is written down
beside the new ledger: interrupted, the same command goes on. The report has the time that each phase took, the time
until everything worked again (RTO), and what of the database did not come back (RPO): .infra/rebuild/NAME.html.

--check only looks, and can be typed any day: regions, zones and images that stand in code or settings, with their
places; zones, instance types, releases and quotas of REGION; whether there is a second copy (exit 2: something is).
--rehearse does everything while ENV lives, in an environment that is thrown away, and takes it away again.

What no copy holds does not come back: znodes of ZooKeeper, HDFS, logs, public addresses, images of hosts.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runRebuild(cmd.Context(), g, args[0], o) },
	}, `  infra rebuild prod --region eu-central-1 --check
  infra rebuild prod --region eu-central-1 --to prod-rehearsal --rehearse
  infra rebuild prod --region eu-central-1 --to prod2 --lost-at 2026-11-29T03:12:00Z`,
		fault.Differences, fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	patientFlags(cmd, &o.changeOptions)
	flags := cmd.Flags()
	flags.StringVar(&o.region, "region", "", "the region to build in; that of the second copy")
	flags.StringVar(&o.to, "to", "", "name of the new environment")
	flags.StringVar(&o.cidr, "cidr", "", "the new network's range (default: the next free one of ENV's size)")
	flags.StringSliceVar(&o.zones, "zones", nil, "letters of three zones of the region (default: those of ENV)")
	flags.StringVar(&o.lostAt, "lost-at", "", "when the region was lost, as 2026-11-29T03:12:00Z, for the RPO (default: now)")
	flags.StringVar(&o.html, "html", "", "also write the report as a page to this file")
	flags.StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that an interrupted attempt has left half made (may be repeated)")
	flags.BoolVar(&o.check, "check", false, "only look for what would stand in the way; change nothing")
	flags.BoolVar(&o.rehearse, "rehearse", false, "take away again what was made, and leave nothing")
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	cmd.MarkFlagsMutuallyExclusive("check", "rehearse")
	return cmd
}

// command is how to go on with a rebuild.
func (o rebuildOptions) command(of string) string {
	text := "infra rebuild " + of + " --region " + o.region
	if o.to != "" {
		text += " --to " + o.to
	}
	if o.rehearse {
		text += " --rehearse"
	}
	return text
}

func runRebuild(ctx context.Context, g *globals, of string, o rebuildOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	source, err := environment.Load(project, of)
	if err != nil {
		return err
	}
	if err := o.valid(source); err != nil {
		return err
	}
	r := &rebuilding{g: g, o: o, project: project, source: source, began: time.Now()}
	if o.check {
		return r.check(ctx)
	}
	err = r.whole(ctx)
	if !o.rehearse {
		return err
	}
	if ctx.Err() != nil {
		g.con.Warn("what the rehearsal has made is there: the same command goes on; infra uninstall %s --delete-data takes it away", o.to)
		return err
	}
	return errors.Join(err, r.takeAway(ctx))
}

// valid checks the flags that need no look at anything but the environment.
func (o *rebuildOptions) valid(source *environment.Environment) error {
	usage := func(format string, args ...any) error {
		return fault.New(fault.Usage, "", fmt.Errorf(format, args...), "infra rebuild --help")
	}
	switch {
	case o.region == "":
		return usage("--region is missing: the region to build in")
	case o.to == "" && !o.check:
		return usage("--to is missing: the name of the new environment")
	case o.to == source.Name():
		return usage("--to is %s itself: the new environment is another one", o.to)
	case o.region == source.Region():
		return usage("--region is %s's own, %s", source.Name(), o.region)
	case source.RecoveryRegion() == "":
		return fault.New(fault.Refused, "rebuild "+source.Name(), errors.New("it keeps no second copy in another region: its database is in "+source.Region()+" alone"),
			"set recovery.region: "+o.region+" in "+source.File()+", then infra apply "+source.Name())
	case source.RecoveryRegion() != o.region:
		return fault.New(fault.Refused, "rebuild "+source.Name(), fmt.Errorf("its second copy is in %s, and what is restored has to be read from near", source.RecoveryRegion()),
			"--region "+source.RecoveryRegion())
	}
	o.lost = time.Now().UTC()
	if o.lostAt == "" {
		return nil
	}
	lost, err := restore.ParseMoment(o.lostAt)
	if err != nil {
		return usage("--lost-at: %w", err)
	}
	o.lost = lost
	return nil
}

// check looks at everything and changes nothing.
func (r *rebuilding) check(ctx context.Context) error {
	if r.o.to == "" {
		r.o.to = "rebuilt"
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	doc := report.RebuildCheck(r.source.Name(), r.source.Region(), r.o.region, r.places, r.findings)
	if r.g.con.JSON() {
		if err := r.g.con.WriteJSON(doc); err != nil {
			return err
		}
	} else {
		r.g.con.Print(report.RebuildCheckText(doc))
	}
	if doc.Ready {
		return nil
	}
	return fault.New(fault.Differences, "check the rebuild of "+r.source.Name(), errors.New(strings.Join(nonzero(
		console.Count(len(r.places), "place")+" that only fits one region", len(r.places),
		console.Count(doc.Refused, "thing")+" that would stand in the way", doc.Refused), ", ")),
		"mend what is listed, then "+r.o.command(r.source.Name())+" --check")
}

// nonzero are the texts whose numbers, which follow them, are not 0.
func nonzero(pairs ...any) []string {
	var texts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != 0 {
			texts = append(texts, fmt.Sprint(pairs[i]))
		}
	}
	return texts
}
