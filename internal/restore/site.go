package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

// site is a platform whose database is restored from its backups.
type site struct {
	platform *provision.Platform
	hosts    *provision.Hosts
	nodes    []inventory.Host // those with data
	version  string           // of PostgreSQL
	cluster  string
	say      func(format string, args ...any)
}

// layer is the one that the database belongs to.
const layer = "postgresql"

func newSite(p *provision.Platform, hosts *provision.Hosts, say func(format string, args ...any)) (*site, error) {
	s := &site{platform: p, hosts: hosts, say: say}
	for _, h := range hosts.Inventory.Layer(layer) {
		if h.Role != postgresql.Witness {
			s.nodes = append(s.nodes, h)
		}
	}
	if len(s.nodes) == 0 {
		return nil, fault.New(fault.Failed, "restore the database of "+p.Env.Name(), errors.New("it has no hosts of its own to restore to (engine: rds): the managed service restores it"), "infra pg status "+p.Env.Name())
	}
	vars, err := inventory.Variables[struct {
		Version string `json:"postgresql_version"`
		Cluster string `json:"postgresql_cluster_name"`
	}](hosts.State.Values(), layer)
	if err != nil {
		return nil, fault.New(fault.Failed, "read the state", err, "")
	}
	s.version, s.cluster = vars.Version, vars.Cluster
	return s, nil
}

// repository asks the first node that answers. A restore must be possible
// when none does: then the new host is asked, later.
func (s *site) repository(ctx context.Context) (Repository, error) {
	var problems []error
	for _, n := range s.nodes {
		r, err := s.look(ctx, s.hosts.Client.Run, n)
		if err == nil {
			return r, nil
		}
		problems = append(problems, err)
	}
	return Repository{}, errors.Join(problems...)
}

// look asks one host, with a limit for one that hangs.
func (s *site) look(ctx context.Context, run postgresql.Run, h inventory.Host) (Repository, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, fmt.Errorf("%s did not answer in 2 minutes", h.Name))
	defer cancel()
	return Look(ctx, run, h)
}

// primary is the node that takes writes.
func (s *site) primary(ctx context.Context) (host, error) {
	var problems []error
	for _, n := range s.nodes {
		h := host{Host: n, client: s.hosts.Client, version: s.version}
		answer, err := h.query(ctx, "postgres", "SELECT NOT pg_is_in_recovery()")
		if err == nil && answer == "t" {
			return h, nil
		}
		problems = append(problems, err)
	}
	return host{}, errors.Join(append([]error{errors.New("no primary answers")}, problems...)...)
}

// prepare makes a host and everything on it but the data.
func (s *site) prepare(ctx context.Context, name string, dataGB int, tags map[string]string, kept bool) (*provision.Guest, error) {
	s.say("making the host %s", name)
	guest, err := s.platform.Receive(ctx, s.hosts.State, provision.GuestOrder{Name: name, Like: s.nodes, DataGB: dataGB, Group: layer, Tags: tags})
	if err != nil {
		return guest, err
	}
	_, err = s.platform.Play(ctx, guest, "restore.yml", map[string]any{"restore_kept": kept})
	return guest, err
}

func (s *site) host(guest *provision.Guest) host {
	return host{Host: guest.Host, client: guest.Client, version: s.version}
}
