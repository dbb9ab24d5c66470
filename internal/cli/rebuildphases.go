package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/install"
	"infra/internal/preflight"
	"infra/internal/provision"
	"infra/internal/rebuild"
	"infra/internal/report"
	"infra/internal/restore"
)

// whole builds the new environment, or goes on with it.
func (r *rebuilding) whole(ctx context.Context) error {
	if err := r.preflight(ctx); err != nil {
		return err
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	if r.record.Accepted.IsZero() {
		if err := r.build(ctx); err != nil {
			return err
		}
	} else {
		r.g.con.Step("%s is built since %s: looking whether it is as it should be", r.o.to, r.record.Accepted.Format(time.DateTime))
	}
	err := r.phase(ctx, install.Acceptance, r.accept)
	return errors.Join(err, r.tellHow(ctx))
}

// preflight looks at everything, and writes the new environment's file when
// nothing stands in the way. What only fits one region is told, and is no
// reason to wait: the settings that matter are asked about in the new region.
func (r *rebuilding) preflight(ctx context.Context) error {
	tellPhase(r.g.con, rebuild.Phases(), install.Preflight)
	if err := r.look(ctx); err != nil {
		return err
	}
	doc := report.RebuildCheck(r.source.Name(), r.source.Region(), r.o.region, r.places, r.findings)
	r.g.con.Print(report.RebuildCheckText(doc))
	if doc.Refused > 0 {
		return fault.New(fault.Refused, "rebuild "+r.source.Name(), errors.New(console.Count(doc.Refused, "thing")+" would fail or do harm, nothing was made"),
			"what stands after `mend:` above, then "+r.o.command(r.source.Name()))
	}
	if r.derived == nil {
		return nil
	}
	if err := r.derived.Write(r.o.rehearse); err != nil {
		return err
	}
	r.derived = nil
	r.g.con.Step("wrote the environment %s: %s, network %s", r.o.to, r.target.Region(), r.target.Pipeline().VPC.CIDR)
	if r.target.Protected() && !r.o.allowDirty {
		return fault.New(fault.Refused, "rebuild "+r.source.Name(), errors.New(r.o.to+" is protected, and its file is in no commit yet"),
			"look at "+r.target.File()+", commit it to the main branch, then the same command; or the same command with --allow-dirty")
	}
	return nil
}

// open opens the new environment, whose bucket is made first: in it everything
// is written down from here on.
func (r *rebuilding) open(ctx context.Context) error {
	looked := time.Now()
	p, err := begin(ctx, r.g, r.o.to, r.o.sel)
	if err != nil {
		return err
	}
	exists, err := p.Bucket().Exists(ctx)
	if err != nil {
		return err
	}
	r.p, r.record = p, rebuild.NewRecord(r.o.to, r.source.Name(), r.source.Region(), r.o.rehearse, r.began)
	r.record.Lost = r.o.lost
	if exists {
		if r.etag, err = p.Runs().Document(ctx, rebuild.DocumentName, r.record); err != nil {
			return err
		}
	}
	if r.o.lostAt != "" {
		r.record.Lost = r.o.lost
	}
	if at := r.record.Interrupted(); at != "" {
		r.g.con.Step("an earlier rebuild was interrupted in %s: going on", at)
	}
	r.record.Begin(install.Preflight, r.began)
	r.record.End(install.Preflight, looked, true)
	tellPhase(r.g.con, rebuild.Phases(), install.Bootstrap)
	r.record.Begin(install.Bootstrap, looked)
	did, err := p.Bootstrap(ctx)
	for _, line := range did {
		r.g.con.Step("%s", line)
	}
	if err != nil {
		return err
	}
	r.record.End(install.Bootstrap, time.Now(), true)
	return r.note(ctx)
}

// note writes down how far it got.
func (r *rebuilding) note(ctx context.Context) (err error) {
	r.etag, err = r.p.Runs().PutDocument(ctx, rebuild.DocumentName, r.record, r.etag)
	return err
}

// phase goes through a phase of this rebuild.
func (r *rebuilding) phase(ctx context.Context, phase install.Phase, work func(context.Context) error) error {
	return phases{r.g.con, "rebuild", rebuild.Phases(), &r.record.Record, r.note}.in(ctx, phase, work)
}

// build makes the machines, brings the data, and has the hosts do their work,
// in one run: nobody can configure the hosts before the data is there.
func (r *rebuilding) build(ctx context.Context) error {
	if err := recoverOwn(ctx, r.g, r.o.to, r.o.sel.Wait, "rebuild"); err != nil {
		return err
	}
	if err := r.p.Preflight(ctx, r.o.allowDirty); err != nil {
		return err
	}
	approve := approval(r.g, r.p, r.o.autoApprove, r.o.confirm, r.o.command(r.source.Name()))
	return r.p.Change(ctx, "rebuild", r.o.sel.Wait, func(ctx context.Context) error {
		err := r.phase(ctx, install.Apply, func(ctx context.Context) error {
			_, err := r.p.Apply(ctx, r.o.sel, approve)
			return err
		})
		if err != nil {
			return err
		}
		if err := r.phase(ctx, rebuild.Data, r.bring); err != nil {
			return err
		}
		return r.phase(ctx, install.Configure, func(ctx context.Context) error {
			_, err := r.p.Configure(ctx, nil)
			return err
		})
	})
}

// bring restores the database onto its first host.
func (r *rebuilding) bring(ctx context.Context) error {
	if r.record.Data != nil {
		r.g.con.Step("the data is there already, from %s", r.record.Data.Backup)
		return nil
	}
	secret, err := r.point.Database.SecretIn(r.o.region)
	if err != nil {
		return fault.New(fault.Failed, "find the passphrase of the backups", err, "")
	}
	from := restore.Source{Cluster: r.point.Database.Cluster, Bucket: r.source.RecoveryBucket(), Secret: secret}
	return r.p.OnHosts(ctx, func(ctx context.Context, h *provision.Hosts) (err error) {
		r.record.Data, err = restore.Seed(ctx, r.p, h, from, r.g.con.Step)
		return err
	})
}

// accept has the new environment's own backups begin, and asks everything
// whether it is as it should be.
func (r *rebuilding) accept(ctx context.Context) error {
	if _, err := firstBackup(ctx, r.g, r.p, "rebuild", r.o.sel.Wait); err != nil {
		return err
	}
	i := &installation{g: r.g, name: r.o.to, p: r.p, o: installOptions{changeOptions: r.o.changeOptions}, again: r.o.command(r.source.Name())}
	err := i.accept(ctx)
	r.checks = i.checks
	if d := r.record.Data; d != nil {
		r.checks = append(r.checks, install.Check{Check: "rows that never change", OK: d.CanariesOK, Detail: d.Canaries})
		if !d.CanariesOK {
			err = errors.Join(err, fault.New(fault.Failed, "accept "+r.o.to, fmt.Errorf("what came back of the database is not what was written: %s", d.Canaries), "infra pg verify "+r.o.to))
		}
	}
	return err
}

// commit says from which code the new environment is, and the lost one was.
func (r *rebuilding) commit(ctx context.Context) (now, then string) {
	if facts, err := git.Look(ctx, r.project, false); err == nil {
		now = facts.Commit
	}
	if r.point != nil {
		then = r.point.Commit
	}
	return now, then
}

// warnings are the findings that somebody should know of.
func warnings(all []preflight.Finding) []preflight.Finding {
	found := []preflight.Finding{}
	for _, f := range all {
		if f.Result == preflight.Warning {
			found = append(found, f)
		}
	}
	return found
}
