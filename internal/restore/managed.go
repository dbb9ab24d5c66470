package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

// managed is the environment's database when the managed service runs it.
type managed struct {
	platform *provision.Platform
	client   *rds.Client
	source   string // identifier of the instance
	say      func(format string, args ...any)
}

func newManaged(p *provision.Platform, output postgresql.Output, say func(format string, args ...any)) (managed, error) {
	m := managed{platform: p, client: rds.NewFromConfig(p.AWS()), say: say}
	if output.Identifier == nil {
		return m, fault.New(fault.Failed, "restore the database of "+p.Env.Name(), errors.New("the state names no instance"), "infra pg status "+p.Env.Name())
	}
	m.source = *output.Identifier
	return m, nil
}

// identifier is what a restore of that name is called. RDS allows 63
// characters, no two hyphens in a row and none at the end.
func (m managed) identifier(name string) (string, error) {
	id := m.source + "-" + name
	if len(id) > 63 || strings.Contains(id, "--") || !regexp.MustCompile(`[a-z0-9]$`).MatchString(id) {
		return "", fault.New(fault.Usage, "", fmt.Errorf("--name is %q: RDS would call the instance %q; 63 characters, single hyphens and a letter or digit at the end are allowed", name, id), "")
	}
	return id, nil
}

// make restores to a new instance with tags by which it is found again.
func (m managed) make(ctx context.Context, name string, to *time.Time, tags map[string]string) (*postgresql.ManagedRestored, error) {
	id, err := m.identifier(name)
	if err != nil {
		return nil, err
	}
	if to == nil {
		m.say("restoring %s as of the latest moment to %s", m.source, id)
	} else {
		m.say("restoring %s as of %s to %s", m.source, Moment(*to), id)
	}
	return postgresql.RestoreManaged(ctx, m.client, postgresql.ManagedRestore{
		Source: m.source, Target: id, To: to, Tags: m.platform.GuestTags(name, tags),
	}, func(state string) { m.say("%s", state) })
}

// dismiss deletes every instance of the environment that carries a tag, and
// none that does not.
func (m managed) dismiss(ctx context.Context, key, value string) error {
	ctx = context.WithoutCancel(ctx)
	found, err := postgresql.ManagedWith(ctx, m.client, m.platform.Env.Name(), key, value)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if id == m.source { // it never carries such a tag
			continue
		}
		m.say("deleting %s", id)
		errs = append(errs, postgresql.DeleteManaged(ctx, m.client, id))
	}
	return errors.Join(errs...)
}

// Instance brings the database of a moment back as an instance of its
// own, which stays. When it fails, the instance goes.
func Instance(ctx context.Context, p *provision.Platform, output postgresql.Output, wish Wish, say func(format string, args ...any)) (done *Restored, err error) {
	m, err := newManaged(p, output, say)
	if err != nil {
		return nil, err
	}
	if _, err := m.identifier(wish.Name); err != nil {
		return nil, err
	}
	kept, err := postgresql.ManagedWith(ctx, m.client, p.Env.Name(), provision.KeptTag, wish.Name)
	if err != nil {
		return nil, err
	}
	if len(kept) > 0 {
		return nil, taken(p.Env.Name(), wish.Name, "an instance")
	}
	r := &Restored{Schema: RestoreSchema, Environment: p.Env.Name(), Run: p.Run.ID, Name: wish.Name, Target: wish.To, Phases: []Phase{}}
	started := time.Now()
	defer func() {
		if err != nil {
			err = errors.Join(err, m.dismiss(ctx, provision.KeptTag, wish.Name))
		}
	}()
	made, err := m.make(ctx, wish.Name, wish.To, map[string]string{provision.KeptTag: wish.Name})
	if err != nil {
		return nil, err
	}
	r.phase("instance", started)
	r.Host, r.Address, r.SecretARN, r.RestoredTo, r.Seconds = made.Identifier, made.Address, made.SecretARN, &made.RestoredTo, made.Took.Seconds()
	return r, nil
}

// RemoveInstance deletes an instance that was restored and kept.
func RemoveInstance(ctx context.Context, p *provision.Platform, output postgresql.Output, name string, say func(format string, args ...any)) error {
	m, err := newManaged(p, output, say)
	if err != nil {
		return err
	}
	kept, err := postgresql.ManagedWith(ctx, m.client, p.Env.Name(), provision.KeptTag, "")
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Values(kept))
	if !slices.Contains(names, name) {
		return absent(name, names)
	}
	return m.dismiss(ctx, provision.KeptTag, name)
}
