package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/install"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/state"
)

// destroy ends the stacks, the platform before the baseline, and writes down
// that it has: from then on there are no states to go by.
func (r *removal) destroy(ctx context.Context) error {
	if err := recoverOwn(ctx, r.g, r.name, r.o.sel.Wait, "install", "rebuild", "uninstall"); err != nil {
		return err
	}
	if err := r.permitted(ctx); err != nil {
		return err
	}
	if err := r.p.Preflight(ctx, r.o.allowDirty); err != nil {
		return err
	}
	return r.p.Change(ctx, "uninstall", r.o.sel.Wait, func(ctx context.Context) error {
		approve := func(plans *provision.Plans) error {
			r.g.con.Print(report.PlanText(plans, r.g.verbose))
			return r.begin(ctx)
		}
		for _, product := range []string{"pipeline", "baseline"} {
			if product == "baseline" { // nobody writes to its buckets any more
				if err := r.emptyData(ctx); err != nil {
					return err
				}
			}
			sel := r.o.sel
			sel.Products = []string{product}
			stacks, err := r.p.Destroy(ctx, sel, approve)
			if err != nil {
				return err
			}
			for _, s := range stacks {
				if s.Applied > 0 {
					r.tell("destroyed %s: %s", s.Stack, console.Count(s.Applied, "resource"))
				}
			}
		}
		if err := r.begin(ctx); err != nil { // there may have been nothing to destroy
			return err
		}
		r.record.Removal.Destroyed = time.Now().UTC()
		return r.record.note(ctx)
	})
}

// begin has the name typed, and writes down that from here on nothing is
// installed any more.
func (r *removal) begin(ctx context.Context) error {
	if err := r.ask(); err != nil || r.record.Removal != nil {
		return err
	}
	r.record.Removal = &install.Removal{Began: time.Now().UTC()}
	return r.record.note(ctx)
}

// permitted refuses before anything is destroyed what AWS would refuse in the
// middle, and data that nobody has said may go.
func (r *removal) permitted(ctx context.Context) error {
	if err := nothingKept(ctx, r.p, nil); err != nil {
		return err
	}
	s, err := r.p.State(ctx, "pipeline")
	if err != nil && !errors.Is(err, state.ErrAbsent) {
		return err
	}
	if s != nil {
		if protected, mend := protections(s.Instances(), r.p.Env); len(protected) > 0 {
			return fault.New(fault.Refused, "uninstall "+r.name, errors.New("protected against termination: "+strings.Join(protected, ", ")), mend)
		}
	}
	if r.o.deleteData {
		return nil
	}
	for _, bucket := range r.dataBuckets() {
		holds, err := r.p.Bucket().Holds(ctx, bucket)
		if err != nil {
			return err
		}
		if holds {
			return fault.New(fault.Refused, "uninstall "+r.name, fmt.Errorf("the bucket %s holds backups or logs", bucket),
				"copy what is still wanted, then infra uninstall "+r.name+" --delete-data")
		}
	}
	second := r.p.SecondCopy()
	if second == nil {
		return nil
	}
	holds, err := second.Holds(ctx, second.Name)
	if err != nil || !holds {
		return err
	}
	return fault.New(fault.Refused, "uninstall "+r.name, fmt.Errorf("the bucket %s in %s holds the second copy of the backups", second.Name, second.Region),
		"copy what is still wanted, then infra uninstall "+r.name+" --delete-data")
}

// protections are what cannot be terminated yet, and how to change the first.
func protections(instances []state.Instance, env *environment.Environment) (protected []string, mend string) {
	for _, i := range instances {
		var a struct {
			Cluster  bool `json:"termination_protection"`
			Database bool `json:"deletion_protection"`
		}
		if i.Type != "aws_emr_cluster" && i.Type != "aws_db_instance" || json.Unmarshal(i.Attributes, &a) != nil {
			continue
		}
		switch {
		case a.Cluster:
			protected = append(protected, i.Address)
			mend = "set products.pipeline.emr.termination_protection: false in " + env.File() + ", then infra apply " + env.Name()
		case a.Database:
			protected = append(protected, i.Address)
			mend = "aws rds modify-db-instance --region " + env.Region() + " --db-instance-identifier " + i.ID + " --no-deletion-protection --apply-immediately"
		}
	}
	return protected, mend
}

// emptyData deletes backups and logs, so that their buckets can go; without
// permission it leaves what permitted has found empty.
func (r *removal) emptyData(ctx context.Context) error {
	if !r.o.deleteData {
		return nil
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	for _, bucket := range r.dataBuckets() {
		n, err := r.p.Bucket().Empty(ctx, bucket, "")
		if err != nil {
			return err
		}
		if n > 0 {
			r.tell("emptied the bucket %s: %d versions of objects", bucket, n)
		}
	}
	return nil
}
