package provision

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"infra/internal/rebuild"
	"infra/internal/stack"
	"infra/internal/state"
)

// preserve copies to the other region what this run leaves: the states, and
// the point from which `infra rebuild` begins. That region may be out of reach;
// it is no reason for a run to fail, and the next run copies again.
func (p *Platform) preserve(ctx context.Context) {
	if p.second == nil || !p.opened {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.copyStates(ctx); err != nil {
		p.con.Warn("the second copy in %s is that of an earlier run: %v", p.second.Region, err)
	}
}

func (p *Platform) copyStates(ctx context.Context) error {
	point := rebuild.Point{
		Schema: rebuild.PointSchema, Environment: p.Env.Name(), Account: p.Env.Account(), Region: p.Env.Region(),
		Run: p.Run.ID, At: time.Now().UTC(), Commit: p.Code.Commit, Dirty: len(p.Code.Dirty) > 0, States: []rebuild.Copy{},
	}
	for _, product := range stack.Products().Names() {
		key := p.stack(product).StateKey()
		s, err := p.bucket.Read(ctx, key)
		if errors.Is(err, state.ErrAbsent) {
			continue
		}
		if err != nil {
			return err
		}
		copied := rebuild.Copy{Key: rebuild.StateKey(key), Serial: s.Serial, Lineage: s.Lineage}
		if err := p.second.Put(ctx, copied.Key, s.Raw); err != nil {
			return err
		}
		point.States = append(point.States, copied)
		if product == platformProduct {
			if point.Database, err = database(s); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(point, "", "  ")
	if err != nil {
		return err
	}
	return p.second.Put(ctx, rebuild.PointKey, text) // last: it names what is there by now
}

// database tells from a state which backups are the database's; nil where hosts
// have none.
func database(s *state.State) (*rebuild.Database, error) {
	vars := map[string]struct {
		Cluster string `json:"postgresql_cluster_name"`
		Version string `json:"postgresql_version"`
		Secret  string `json:"postgresql_backup_secret_arn"`
	}{}
	if _, err := s.Decode("group_vars", &vars); err != nil {
		return nil, err
	}
	d := vars["postgresql"]
	if d.Secret == "" {
		return nil, nil //nolint:nilnil // RDS, or nothing at all
	}
	return &rebuild.Database{Cluster: d.Cluster, Version: d.Version, Secret: d.Secret}, nil
}

// SecondCopy is the bucket of second copies; nil where there is none.
func (p *Platform) SecondCopy() *state.Bucket { return p.second }
