package provision

import (
	"context"

	"infra/internal/run"
)

// Finished tells whether the run's roll-out has applied the environment
// already. It is asked while the lease is held, so that of two processes that
// were told to do it only one does.
func (p *Platform) Finished(ctx context.Context) (bool, error) {
	if p.Rollout == "" {
		return false, nil
	}
	records, err := p.runs.OfRollout(ctx, p.Rollout)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		if r.Verb == "apply" && r.Result == run.Done {
			p.con.Step("%s: roll-out %s has applied it already, by run %s", p.Env.Name(), p.Rollout, r.Run)
			return true, nil
		}
	}
	return false, nil
}
