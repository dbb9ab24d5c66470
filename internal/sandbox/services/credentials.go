package services

import (
	"context"
	"sync"
	"time"

	"infra/internal/sandbox/emulator"
)

// renewBefore is how long before their end credentials are replaced. SDKs ask
// again at most 15 minutes before the end and must then find newer ones.
const renewBefore = 30 * time.Minute

// credentials hands out the credentials of instances' roles and renews them
// before they expire.
type credentials struct {
	fetch func(ctx context.Context, instance string) (emulator.Credentials, error)
	now   func() time.Time

	mu   sync.Mutex
	held map[string]issued
}

// issued is one set of credentials; since is when it was made, which the
// metadata service reports as LastUpdated.
type issued struct {
	emulator.Credentials
	role  string
	since time.Time
}

func newCredentials(fetch func(context.Context, string) (emulator.Credentials, error), now func() time.Time) *credentials {
	return &credentials{fetch: fetch, now: now, held: map[string]issued{}}
}

// of gives credentials for the instance's role. When the emulator does not
// answer, those at hand are good until their very end.
func (c *credentials) of(ctx context.Context, instance emulator.Instance) (issued, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	held, found := c.held[instance.ID]
	found = found && held.role == instance.RoleARN && now.Before(held.Expiration)
	if found && now.Before(renewalOf(held)) {
		return held, nil
	}
	fresh, err := c.fetch(ctx, instance.ID)
	if err != nil {
		if found {
			return held, nil
		}
		return issued{}, err
	}
	c.forgetExpired(now)
	made := issued{Credentials: fresh, role: instance.RoleARN, since: now}
	c.held[instance.ID] = made
	return made, nil
}

// renewalOf is when credentials are to be replaced: renewBefore their end, or
// half way for those that live shorter than twice that.
func renewalOf(held issued) time.Time {
	lead := min(renewBefore, held.Expiration.Sub(held.since)/2)
	return held.Expiration.Add(-lead)
}

func (c *credentials) forgetExpired(now time.Time) {
	for id, held := range c.held {
		if !now.Before(held.Expiration) {
			delete(c.held, id)
		}
	}
}
