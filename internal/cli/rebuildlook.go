package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/install"
	"infra/internal/preflight"
	"infra/internal/provision"
	"infra/internal/rebuild"
	"infra/internal/restore"
	"infra/internal/state"
)

// rebuilding is a rebuild on its way.
type rebuilding struct {
	g       *globals
	o       rebuildOptions
	project string
	source  *environment.Environment // what was lost
	began   time.Time

	target   *environment.Environment // what is built
	derived  *environment.Derived     // its file, while that is not written; nil: it is there
	point    *rebuild.Point           // what the second copy knows; nil: there is none
	places   []rebuild.Finding
	findings []preflight.Finding

	p      *provision.Platform // of the new environment
	record *rebuild.Record
	etag   string // of the record as it was read or written last
	checks []install.Check
}

// look finds out everything that can be known before something is made. Of the
// lost region nothing is asked.
func (r *rebuilding) look(ctx context.Context) error {
	target := account.TargetOf(r.source)
	target.Region = r.o.region
	cfg, err := account.Config(ctx, target)
	if err != nil {
		return err
	}
	if r.places, err = rebuild.Scan(os.DirFS(r.project)); err != nil {
		return fault.New(fault.Failed, "look through the code", err, "")
	}
	r.places = append(r.places, rebuild.Settings(r.source)...)
	if zones := zonesOf(ctx, cfg); zones != nil && len(r.o.zones) == 0 {
		r.places = append(r.places, rebuild.Zones(r.source, r.o.region, zones)...)
	}
	if err := r.name(); err != nil {
		return err
	}
	// Networks are not looked at: Derive and Load refuse a range that another environment has.
	r.findings = preflight.Examine(ctx, preflight.Sources{Env: r.target, AWS: cfg})
	r.findings = append(r.findings, r.secondCopy(ctx, cfg)...)
	return ctx.Err()
}

// zonesOf are the region's zones by their full names; nil when they cannot be
// asked for, which the preflight says too.
func zonesOf(ctx context.Context, cfg aws.Config) []string {
	out, err := ec2.NewFromConfig(cfg).DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return nil
	}
	var names []string
	for _, zone := range out.AvailabilityZones {
		names = append(names, aws.ToString(zone.ZoneName))
	}
	return names
}

// name finds the new environment, or derives it: its file is written once
// everything was looked at.
func (r *rebuilding) name() error {
	of := r.source.Name()
	// One that is broken, or of another origin, is not taken for ours.
	if there, err := environment.Load(r.project, r.o.to); err == nil {
		if there.RebuiltFrom() != of || there.Region() != r.o.region {
			return fault.New(fault.Refused, "rebuild "+of, fmt.Errorf("%s is there, and is not %s rebuilt in %s", there.File(), of, r.o.region), "--to ANOTHER-NAME")
		}
		if aside := strings.HasPrefix(there.File(), environment.Throwaways); aside != r.o.rehearse {
			return fault.New(fault.Refused, "rebuild "+of, fmt.Errorf("%s was begun as something else: a rehearsal is thrown away, a rebuild is not", there.Name()), "--to ANOTHER-NAME")
		}
		r.target = there
		return nil
	}
	cidr := r.o.cidr
	if cidr == "" {
		free, err := environment.Free(r.project, of)
		if err != nil {
			return err
		}
		cidr = free
	}
	draft := rebuild.Draft{Name: r.o.to, Of: r.source, Region: r.o.region, CIDR: cidr, Zones: r.o.zones, Rehearsal: r.o.rehearse}
	derived, err := environment.Derive(r.project, r.o.to, draft.Text())
	if err != nil {
		return err
	}
	r.derived, r.target = derived, derived.Env
	return nil
}

// secondCopy makes sure that there is something to restore: the point, the
// passphrase, and a backup of the database that the point names.
func (r *rebuilding) secondCopy(ctx context.Context, cfg aws.Config) []preflight.Finding {
	const check = "second copy"
	bad := func(mend, format string, args ...any) []preflight.Finding {
		return []preflight.Finding{{Check: check, Result: preflight.Bad, Detail: fmt.Sprintf(format, args...), Mend: mend}}
	}
	bucket := state.NewRecovery(cfg, r.source.RecoveryBucket(), r.source.Account(), r.source.Emulated(), nil)
	apply := "infra apply " + r.source.Name() + ", while its region is there"
	text, err := bucket.Get(ctx, rebuild.PointKey)
	var point rebuild.Point
	switch {
	case errors.Is(err, state.ErrAbsent):
		return bad(apply, "there is nothing in the bucket %s in %s", bucket.Name, r.o.region)
	case err != nil:
		return bad("", "the bucket %s cannot be read: %v", bucket.Name, err)
	case json.Unmarshal(text, &point) != nil || point.Schema != rebuild.PointSchema:
		return bad(apply, "%s in the bucket %s is not what infra writes", rebuild.PointKey, bucket.Name)
	case point.Environment != r.source.Name() || point.Database == nil:
		return bad(apply, "the bucket %s knows of no database of %s", bucket.Name, r.source.Name())
	}
	secret, err := point.Database.SecretIn(r.o.region)
	if err != nil {
		return bad("", "%v", err)
	}
	if _, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret}); err != nil {
		return bad(apply, "the passphrase of the backups is not in %s: %v", r.o.region, err)
	}
	if _, err := bucket.Get(ctx, point.Database.Backups()+"/backup.info"); err != nil {
		return bad("infra pg backup "+r.source.Name()+" --type full, while its region is there", "there is no backup of %s in the bucket %s: %v", point.Database.Cluster, bucket.Name, err)
	}
	r.point = &point
	found := []preflight.Finding{{
		Check: check, Result: preflight.Good,
		Detail: fmt.Sprintf("%s of run %s, %s", point.Database.Cluster, point.Run, restore.Moment(point.At)),
	}}
	if point.Dirty {
		found = append(found, preflight.Finding{Check: "code", Result: preflight.Warning, Detail: "the last run was made from more than the commit " + point.Commit + ": what that was is in no repository"})
	}
	return found
}
