package provision

import (
	"context"

	"infra/internal/account"
)

// hostEnvironment is what Ansible may see. Where the environment names a
// role, Ansible's lookups and modules must work as that role too: they ask
// this process for its credentials, as often as they need new ones. Without a
// role they find the caller's own by themselves, as infra does. done ends
// what was opened.
func (p *Platform) hostEnvironment(ctx context.Context) (env map[string]string, done func(), err error) {
	env = p.childEnvironment()
	if p.target.RoleARN == "" {
		return env, func() {}, nil
	}
	endpoint, err := account.Serve(ctx, p.aws, p.Run.Dir)
	if err != nil {
		return nil, nil, err
	}
	endpoint.Environment(env)
	return env, func() {
		if err := endpoint.Close(); err != nil {
			p.Warn("%v", err)
		}
	}, nil
}
