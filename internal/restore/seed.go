package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
	"infra/internal/rebuild"
)

// Source is the repository of another environment, in this one's region.
type Source struct {
	Cluster string `json:"cluster_name"`
	Bucket  string `json:"bucket"`
	Secret  string `json:"secret_arn"` // of the passphrase, in this region
}

// seedMark says beside the data that it was brought from another environment's
// backups, and what came back: a rebuild that was interrupted later goes on
// from there.
const seedMark = "/var/lib/postgresql/rebuilt.json"

// Seed brings the data of another environment's backups to the host that is to
// be the first primary, before Ansible makes a cluster of it, and leaves the
// server stopped: the role postgresql takes the one host that has data for the
// primary, and clones the others from it. Interrupted, it begins anew. The
// lease is held.
func Seed(ctx context.Context, p *provision.Platform, h *provision.Hosts, source Source, say func(format string, args ...any)) (*rebuild.DataRestored, error) {
	op := "restore the database of " + p.Env.Name()
	s, err := newSite(p, h, say)
	if err != nil {
		return nil, err
	}
	var first *inventory.Host
	for _, n := range s.nodes {
		if n.Role == "primary" {
			first = &n
		}
	}
	if first == nil {
		return nil, fault.New(fault.Failed, op, errors.New("the state names no first primary"), "infra apply "+p.Env.Name())
	}
	guest, err := p.Borrow(ctx, h.State, *first, layer)
	defer p.Depart(guest)
	if err != nil {
		return nil, err
	}
	seed := seeding{host: s.host(guest), say: say}
	if done, err := seed.clear(ctx); done != nil || err != nil {
		return done, wrapped(op, err)
	}
	if _, err := p.Play(ctx, guest, "restore.yml", map[string]any{"restore_kept": false, "restore_source": source}); err != nil {
		return nil, err
	}
	done, err := seed.fill(ctx)
	if err != nil {
		return nil, wrapped(op, err)
	}
	p.Touched(*first, "restored")
	return done, nil
}

func wrapped(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Hosts, op, err, "infra rebuild, with the same flags, begins with it anew")
}

// seeding is the restore onto a host of the new environment.
type seeding struct {
	host
	say func(format string, args ...any)
}

// incomplete marks data that is not whole; the role postgresql knows it too.
func (s seeding) incomplete() string { return s.data() + ".incomplete" }

// clear removes what an interrupted attempt has left. It returns what an
// attempt that ended well brought back, and refuses data of any other origin.
func (s seeding) clear(ctx context.Context) (*rebuild.DataRestored, error) {
	// A job of an attempt that was killed goes on without it.
	if _, err := s.root(ctx, "systemctl", "stop", "infra-restore.service"); err == nil {
		s.say("%s: ended the restore of an attempt that was interrupted", s.Name)
	}
	if text, err := s.root(ctx, "cat", seedMark); err == nil {
		var done rebuild.DataRestored
		if err := json.Unmarshal([]byte(text), &done); err != nil {
			return nil, fmt.Errorf("%s on %s cannot be read: %w", seedMark, s.Name, err)
		}
		s.say("%s: the data is there already, restored from %s", s.Name, done.Backup)
		return &done, nil
	}
	if !s.there(ctx, s.data()+"/PG_VERSION") && !s.there(ctx, s.incomplete()) {
		return nil, nil //nolint:nilnil // there is nothing yet
	}
	if !s.there(ctx, s.incomplete()) {
		return nil, fmt.Errorf("%s has a database that does not come from a backup of another environment: it is not overwritten", s.Name)
	}
	s.say("%s: removing what an interrupted attempt has left", s.Name)
	if _, err := s.root(ctx, "systemctl", "stop", s.unit()); err != nil {
		return nil, err
	}
	_, err := s.root(ctx, "rm", "-rf", "--", s.data())
	return nil, err
}

func (s seeding) there(ctx context.Context, path string) bool {
	_, err := s.root(ctx, "test", "-e", path)
	return err == nil
}

// fill restores, recovers as far as the WAL goes, and leaves a stopped server
// that knows nothing of its old cluster.
func (s seeding) fill(ctx context.Context) (*rebuild.DataRestored, error) {
	if _, err := s.postgres(ctx, nil, "touch", s.incomplete()); err != nil {
		return nil, err
	}
	done := &rebuild.DataRestored{Host: s.Name}
	var err error
	if done.Backup, err = s.fetch(ctx, order{}, s.say); err != nil {
		return nil, err
	}
	done.Began = time.Now().UTC()
	came, err := s.recover(ctx, s.say)
	if err != nil {
		return nil, err
	}
	done.Transaction = came.upTo
	if err := s.measure(ctx, done); err != nil {
		return nil, err
	}
	if err := s.detach(ctx); err != nil {
		return nil, err
	}
	if _, err := stop(ctx, s.host); err != nil {
		return nil, err
	}
	text, err := json.Marshal(done)
	if err != nil {
		return nil, err
	}
	if _, err := s.postgres(ctx, strings.NewReader(string(text)), "tee", seedMark); err != nil {
		return nil, err
	}
	_, err = s.root(ctx, "rm", "-f", "--", s.incomplete())
	return done, err
}

// measure asks the restored server how far it got, and whether rows that never
// change are as they were.
func (s seeding) measure(ctx context.Context, done *rebuild.DataRestored) error {
	beat, err := s.query(ctx, "repmgr", heartbeatSQL)
	if err != nil {
		return err
	}
	if at, err := time.Parse(time.RFC3339Nano, beat); err == nil {
		done.Heartbeat = &at
	}
	canaries, err := s.query(ctx, "repmgr", canarySQL)
	if err != nil {
		return err
	}
	c := judgeCanaries(canaries)
	done.Canaries, done.CanariesOK = c.Detail, c.Passed
	return nil
}

// detach takes out what tied the server to its old cluster: repmgr's rows of
// nodes that are gone, and what pgBackRest has set for the recovery. With
// archive_mode left off, the new cluster would never archive anything.
func (s seeding) detach(ctx context.Context) error {
	for _, d := range []struct{ database, statement string }{
		{"repmgr", "DELETE FROM repmgr.nodes"},
		{"postgres", "ALTER SYSTEM RESET archive_mode"},
		{"postgres", "ALTER SYSTEM RESET restore_command"},
	} {
		if _, err := s.query(ctx, d.database, d.statement); err != nil {
			return fmt.Errorf("%s: %w", d.statement, err)
		}
	}
	return nil
}
