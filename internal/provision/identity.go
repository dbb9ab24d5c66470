package provision

import (
	"context"
	"errors"
	"fmt"
	"os"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/ssh"
)

// ErrNoIdentity says that nothing here could log in to a host.
var ErrNoIdentity = errors.New("there is no SSH agent and no key in ~/.ssh")

// identified refuses what could only end half done: machines are as planned,
// and nobody can log in to them. An agent without the right key is not seen.
func (p *Platform) identified(ctx context.Context, plans *Plans) error {
	if p.ownKey() || ssh.Identity(os.Getenv) {
		return nil
	}
	there, err := p.existing(ctx)
	if err != nil {
		return err
	}
	n := plans.hosts(len(there))
	if n == 0 {
		return nil
	}
	return fault.New(fault.Refused, "apply "+p.stack(platformProduct).String(), fmt.Errorf("%s would be configured afterwards, and nothing here can log in: %w", console.Count(n, "host"), ErrNoIdentity),
		"give the job a key of ssh.public_keys: infra ci init --help tells how\nby hand: eval \"$(ssh-agent)\" && ssh-add KEY, then: infra ci apply --env "+p.Env.Name())
}

// hosts is how many the platform will have that has so many now; none where it
// is not selected.
func (ps *Plans) hosts(now int) int {
	for _, s := range ps.Stacks {
		if s.Stack.Product != platformProduct {
			continue
		}
		for _, c := range s.Changes {
			switch {
			case c.Type != "aws_instance":
			case c.Action == guard.Create, c.Action == guard.Import:
				now++
			case c.Action == guard.Delete, c.Action == guard.Forget:
				now--
			}
		}
		return now
	}
	return 0
}
