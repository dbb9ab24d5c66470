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
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/run"
)

// RestoreSchema is the kind and version of the document that `infra pg restore
// --output json` prints. Readers must ignore members that they do not know.
const RestoreSchema = "infra/pg-restore/v1"

// Restored is a database that was restored to a host of its own, to be kept.
type Restored struct {
	Schema      string     `json:"schema"`
	Environment string     `json:"environment"`
	Run         string     `json:"run"`
	Name        string     `json:"name"`
	Host        string     `json:"host"` // instance id, or RDS's identifier
	Address     string     `json:"address"`
	SecretARN   string     `json:"secret_arn,omitempty"` // of the managed service's user
	Backup      string     `json:"backup"`               // empty with the managed service, which does not tell
	Target      *time.Time `json:"target"`               // what was asked for; null: the latest
	RestoredTo  *time.Time `json:"restored_to"`          // the last transaction that came back
	Seconds     float64    `json:"seconds"`              // from asking for a host to the first answered query
	Phases      []Phase    `json:"phases"`
}

// Wish is what somebody wants to have back.
type Wish struct {
	Name string     // of the host
	To   *time.Time // nil: the latest
}

// Restore brings the database of a moment back, onto a fresh host that stays.
// When it fails, the host goes.
func Restore(ctx context.Context, p *provision.Platform, hosts *provision.Hosts, wish Wish, say func(format string, args ...any)) (done *Restored, err error) {
	s, err := newSite(p, hosts, say)
	if err != nil {
		return nil, err
	}
	if err := s.free(ctx, wish.Name); err != nil {
		return nil, err
	}
	repository, lookErr := s.repository(ctx)
	dataGB := 0
	if lookErr == nil {
		if err := allow(p.Env.Name(), repository, wish.To, say); err != nil {
			return nil, err
		}
		dataGB = volumeGB(repository.Last().DatabaseBytes)
	} else if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r := &Restored{Schema: RestoreSchema, Environment: p.Env.Name(), Run: p.Run.ID, Name: wish.Name, Target: wish.To, Phases: []Phase{}}
	var guest *provision.Guest
	defer func() {
		p.Depart(guest)
		if err != nil {
			say("removing the host again")
			err = errors.Join(err, p.Dismiss(ctx, provision.KeptTag, wish.Name))
		}
	}()
	started := time.Now()
	if guest, err = s.prepare(ctx, wish.Name, dataGB, map[string]string{provision.KeptTag: wish.Name}, true); err != nil {
		return nil, err
	}
	r.phase("host", started)
	r.Host, r.Address = guest.Host.ID, guest.Host.PrivateAddress
	if lookErr != nil {
		// No node could be asked: the new host reads the same repository.
		if repository, err = s.look(ctx, guest.Client.Run, guest.Host); err == nil {
			err = allow(p.Env.Name(), repository, wish.To, say)
		}
		if err != nil {
			return nil, err
		}
	}
	err = r.fill(ctx, s, guest, wish)
	return r, err
}

// fill restores the data onto the prepared host.
func (r *Restored) fill(ctx context.Context, s *site, guest *provision.Guest, wish Wish) (err error) {
	h := s.host(guest)
	started := time.Now()
	if r.Backup, err = h.fetch(ctx, order{to: wish.To}, s.say); err != nil {
		return fault.New(fault.Failed, "restore "+wish.Name, err, "infra pg verify "+r.Environment+" tells what of the repository is damaged")
	}
	r.phase("fetch", started)
	started = time.Now()
	came, err := h.recover(ctx, s.say)
	if err != nil {
		return fault.New(fault.Failed, "restore "+wish.Name, err, "")
	}
	r.phase("replay", started)
	r.RestoredTo, r.Seconds = came.upTo, came.answered.Sub(guest.Asked).Seconds()
	s.platform.Touched(guest.Host, "restored")
	return nil
}

func (r *Restored) phase(name string, started time.Time) {
	r.Phases = append(r.Phases, Phase{Name: name, Seconds: time.Since(started).Seconds()})
}

// free refuses a name that something has already.
func (s *site) free(ctx context.Context, name string) error {
	if err := Named(name); err != nil {
		return err
	}
	guests, err := s.platform.KeptGuests(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(append(s.hosts.Inventory.Hosts(), guests...), func(h inventory.Host) bool { return h.Name == name }) {
		return taken(s.platform.Env.Name(), name, "a host")
	}
	return nil
}

// taken refuses a name that something has already.
func taken(environment, name, what string) error {
	return fault.New(fault.Refused, "restore "+name, errors.New("there is "+what+" of that name"),
		fmt.Sprintf("--name OTHER; or, when it is an earlier restore: infra pg restore %s --remove %s", environment, name))
}

// Named checks the name of a restore: it becomes that of a host.
func Named(name string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`).MatchString(name) {
		return fault.New(fault.Usage, "", fmt.Errorf("--name is %q: letters, digits and hyphens are allowed, at most 41", name), "")
	}
	return nil
}

// allow refuses what cannot be restored, and tells what will be missing.
func allow(environment string, r Repository, to *time.Time, say func(format string, args ...any)) error {
	if to != nil {
		windows, err := r.Windows()
		if err == nil {
			err = Allow(windows, *to)
		}
		if err != nil {
			return fault.New(fault.Refused, "restore the database of "+environment, err, "infra pg backups "+environment)
		}
		return nil
	}
	_, gap, err := r.Archive.walk(r.Last().FirstWAL)
	if err != nil {
		return fault.New(fault.Failed, "restore the database of "+environment, err, "")
	}
	if gap != nil {
		say("%s: the restore ends there", gap.Text())
	}
	return nil
}

// Kept are the names of the restores that were not removed yet; output is the
// database as the state has it, nil when it has none.
func Kept(ctx context.Context, p *provision.Platform, output *postgresql.Output) ([]string, error) {
	guests, err := p.KeptGuests(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range guests {
		names = append(names, g.Name)
	}
	if output == nil || output.Engine != "rds" {
		return names, nil
	}
	kept, err := postgresql.ManagedWith(ctx, rds.NewFromConfig(p.AWS()), p.Env.Name(), provision.KeptTag, "")
	return append(names, slices.Sorted(maps.Values(kept))...), err
}

// Remove takes a restored database away.
func Remove(ctx context.Context, p *provision.Platform, wait run.Wait, name string) error {
	guests, err := p.KeptGuests(ctx)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(guests))
	for _, g := range guests {
		if g.Name == name {
			return p.Retire(ctx, "pg restore", wait, name)
		}
		names = append(names, g.Name)
	}
	return absent(name, names)
}

// absent says that there is no restore of that name, and which there are.
func absent(name string, names []string) error {
	known := "there are none"
	if len(names) > 0 {
		known = "there are " + strings.Join(names, ", ")
	}
	return fault.New(fault.Usage, "remove the restore "+name, errors.New("there is no restore of that name; "+known), "")
}
