package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
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
		p.Warn("the second copy in %s is that of an earlier run: %v", p.second.Region, err)
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
	d, err := inventory.Variables[struct {
		Cluster string `json:"postgresql_cluster_name"`
		Version string `json:"postgresql_version"`
		Secret  string `json:"postgresql_backup_secret_arn"`
	}](s.Values(), "postgresql")
	if err != nil {
		return nil, err
	}
	if d.Secret == "" {
		return nil, nil //nolint:nilnil // RDS, or nothing at all
	}
	return &rebuild.Database{Cluster: d.Cluster, Version: d.Version, Secret: d.Secret}, nil
}

// dataIsBack refuses to configure the hosts of an environment that is rebuilt
// while its data is in the other region alone: they would begin with an empty
// database, and nothing could be restored over that.
func (p *Platform) dataIsBack(ctx context.Context) error {
	of := p.Env.RebuiltFrom()
	if of == "" {
		return nil
	}
	var record rebuild.Record
	if _, err := p.Runs().Document(ctx, rebuild.DocumentName, &record); err != nil {
		return err
	}
	if record.Data != nil {
		return nil
	}
	return fault.New(fault.Refused, "configure the hosts of "+p.Env.Name(), fmt.Errorf("the data of %s has not come back yet: its database would begin empty", of),
		"infra rebuild "+of+" --region "+p.Env.Region()+" --to "+p.Env.Name()+", which goes on; to begin empty all the same: take rebuilt_from out of "+p.Env.File())
}

// SecondCopy is the bucket of second copies; nil where there is none.
func (p *Platform) SecondCopy() *state.Bucket { return p.second }
