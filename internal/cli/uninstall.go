package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/install"
	"infra/internal/orphan"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/state"
)

// uninstallOptions are the flags of uninstall.
type uninstallOptions struct {
	changeOptions
	deleteData bool
}

func newUninstallCommand(g *globals) *cobra.Command {
	var o uninstallOptions
	cmd := describe(&cobra.Command{
		Use:   "uninstall ENV",
		Short: "Take an environment away, and prove that nothing of it is left",
		Long: `Destroys the platform, then the baseline, then what is beside the states: the state bucket with all its versions, lease
and ledger (after they were archived into .infra/handover/), the bucket of its access logs and the key. All data is
lost, so the environment's name has to be typed, or given by --confirm; backups and audit logs only go with
--delete-data. It refuses while a cluster or a database is protected against termination, and while a restored
database is kept.

It ends with the proof: AWS is asked for everything with the environment's tags, and for the kinds that carry none by
their names. What is left is named with the command that removes it, and the exit code is 1. Keys and secrets that AWS
deletes later are named with their date. Interrupted, the same command goes on, also when the state bucket is gone.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runUninstall(cmd.Context(), g, args[0], o) },
	}, "  infra uninstall acme\n  infra uninstall acme --confirm acme --delete-data\n  infra uninstall acme --confirm acme --delete-data --output json | jq '.left'",
		fault.Refused, fault.Locked, fault.StateNotSaved)
	patientFlags(cmd, &o.changeOptions)
	cmd.Flags().BoolVar(&o.deleteData, "delete-data", false, "also delete the backups and the audit logs; without it, they keep the environment from going")
	return cmd
}

// removal is an environment on its way out.
type removal struct {
	g     *globals
	name  string
	o     uninstallOptions
	p     *provision.Platform
	asked bool // the name was given

	record *customerRecord
	did    []string
}

func runUninstall(ctx context.Context, g *globals, name string, o uninstallOptions) error {
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	doc, err := uninstall(ctx, g, p, o)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		g.con.Print("\n" + report.UninstallText(doc))
	}
	if err != nil || doc.Gone {
		return err
	}
	return fault.New(fault.Failed, "uninstall "+name, errors.New(doc.Verdict), "the commands above, then infra uninstall "+name+" again")
}

// uninstall takes an environment away and asks AWS what is left of it.
func uninstall(ctx context.Context, g *globals, p *provision.Platform, o uninstallOptions) (report.UninstallDocument, error) {
	name, none := p.Env.Name(), report.UninstallDocument{}
	if _, err := guard.Confirmed(name, p.Env.Protected(), false, o.confirm, true); err != nil {
		return none, err // a name of another environment: before anything is looked at
	}
	r := &removal{g: g, name: name, o: o, p: p, asked: o.confirm != "", record: newCustomerRecord(name, p.Runs(), time.Now())}
	exists, err := p.Bucket().Exists(ctx)
	if err != nil {
		return none, err
	}
	if exists {
		if err := r.record.read(ctx); err != nil {
			return none, err
		}
		if r.record.Removal == nil || r.record.Removal.Destroyed.IsZero() {
			if err := r.destroy(ctx); err != nil {
				return none, err
			}
		}
	} else {
		g.con.Step("there is no state bucket %s: looking for what else there is", p.Bucket().Name)
	}
	if err := r.takeAway(ctx, exists); err != nil {
		return none, err
	}
	return r.prove(ctx)
}

// tell notes what was done, and says it.
func (r *removal) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.did = append(r.did, text)
	r.g.con.Step("%s", text)
}

// ask has the environment's name typed, once.
func (r *removal) ask() error {
	if r.asked {
		return nil
	}
	question := fmt.Sprintf("\nTake away all of %s (account %s)? The data is lost.", r.name, r.p.Env.Account())
	if err := needsTerminal(r.g.con.Confirm(question, r.name), fmt.Sprintf("infra uninstall %s --confirm %s", r.name, r.name)); err != nil {
		return err
	}
	r.asked = true
	return nil
}

// takeAway removes what is beside the states. A bucket or a key that another
// environment needs stays.
func (r *removal) takeAway(ctx context.Context, exists bool) error {
	if exists {
		neighbours, err := r.p.Bucket().Neighbours(ctx, r.name)
		if err != nil {
			return err
		}
		if len(neighbours) > 0 {
			r.tell("the bucket %s stays, with this environment's ledger: %s has its states there too", r.p.Bucket().Name, strings.Join(neighbours, ", "))
			return r.forget(ctx)
		}
		if err := r.archive(ctx); err != nil {
			return err
		}
	}
	if err := r.ask(); err != nil {
		return err
	}
	if err := r.forgetCopies(ctx); err != nil {
		return err
	}
	if err := r.p.Bucket().Remove(ctx, r.p.Runs().DocumentKey(install.DocumentName), r.tell); err != nil {
		return err
	}
	sharing, err := environment.SameRegion(r.p.Project, r.name)
	if err != nil {
		return err
	}
	if len(sharing) > 0 {
		r.tell("the key of the states stays: %s is in the same account and region", strings.Join(sharing, ", "))
		return nil
	}
	key, err := r.p.Bucket().RemoveKey(ctx)
	if key != "" {
		r.tell("%s", key)
	}
	return err
}

// forgetCopies removes the second copy in the other region, which permitted has
// found empty unless the data may go. Its key stays for as long as another
// environment may have its own copy there.
func (r *removal) forgetCopies(ctx context.Context) error {
	second := r.p.SecondCopy()
	if second == nil {
		return nil
	}
	if err := second.Remove(ctx, "", r.tell); err != nil {
		return err
	}
	sharing, err := environment.SameRecovery(r.p.Project, r.name)
	if err != nil {
		return err
	}
	if len(sharing) > 0 {
		r.tell("the key of the second copies in %s stays: %s has one there too", second.Region, strings.Join(sharing, ", "))
		return nil
	}
	key, err := second.RemoveKey(ctx)
	if key != "" {
		r.tell("%s", key)
	}
	return err
}

// forget leaves a record that says nothing is installed.
func (r *removal) forget(ctx context.Context) error {
	r.record.Record = install.NewRecord(r.name, time.Now())
	return r.record.note(ctx)
}

// archive keeps lease and ledger on this machine. One that was made before, for
// the same removal, stays: meanwhile some of the bucket may be gone.
func (r *removal) archive(ctx context.Context) error {
	dir := filepath.Join(r.p.Project, ".infra", "handover")
	file := filepath.Join(dir, r.name+"-ledger-"+r.record.Removal.Began.Format("20060102T150405Z")+".tar.gz")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Failed, "archive the ledger of "+r.name, err, "")
	}
	out, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.New(fault.Failed, "archive the ledger of "+r.name, err, "")
	}
	n, err := r.p.Bucket().Archive(ctx, r.name, out)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fault.New(fault.Failed, "archive the ledger of "+r.name, err, "")
	}
	r.tell("archived %d objects of lease and ledger: %s", n, file)
	return nil
}

// prove asks AWS what is left.
func (r *removal) prove(ctx context.Context) (report.UninstallDocument, error) {
	none := report.UninstallDocument{}
	env := r.p.Env
	others, err := environment.List(r.p.Project)
	if err != nil {
		return none, err
	}
	had := orphan.Belongings{Buckets: r.dataBuckets(), PathStyle: env.Emulated()}
	if sharing, err := environment.SameRegion(r.p.Project, r.name); err != nil {
		return none, err
	} else if len(sharing) == 0 {
		had.Key = state.KeyDescription
	}
	if there, err := r.p.Bucket().Exists(ctx); err != nil {
		return none, err
	} else if !there { // one that stays is another environment's
		had.Buckets = append(had.Buckets, r.p.Bucket().Name, r.p.Bucket().LogName())
	}
	r.g.con.Live("asking AWS what is left of %s", r.name)
	remains := orphan.Account{
		AWS: r.p.AWS(), Account: env.Account(), Region: env.Region(), Partition: env.Partition(), Environment: r.name, Others: others,
	}.Remains(ctx, had)
	r.g.con.Live("")
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	return report.Uninstall(r.name, env.Region(), env.Endpoint(), r.did, remains), nil
}

// dataBuckets are the buckets of the baseline, by the names that it gives them.
func (r *removal) dataBuckets() []string {
	suffix := r.name + "-" + r.p.Env.Account()
	return []string{"infra-backup-" + suffix, "infra-logs-" + suffix}
}
