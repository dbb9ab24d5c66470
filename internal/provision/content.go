package provision

import (
	"context"
	"errors"
	"strings"

	"infra/internal/inventory"
	"infra/internal/state"
)

// Kept finds the newest bundle that a pipeline has kept for the platform's
// content; bundle.ErrNone when there is none.
func (p *Platform) Kept(ctx context.Context) (string, error) {
	place, err := p.bundlePlace("").Find(ctx, p.objects(), p.Env.Name(), p.Content)
	if err != nil {
		return "", err
	}
	return place.URL(), nil
}

// Hosts are those of the layers that the state knows; none where the platform
// was never applied.
func (p *Platform) Hosts(ctx context.Context, layers []string) ([]inventory.Host, error) {
	if len(layers) == 0 {
		return nil, nil
	}
	hosts, err := p.existing(ctx)
	return within(hosts, layers), err
}

// existing are all hosts that the state knows.
func (p *Platform) existing(ctx context.Context) ([]inventory.Host, error) {
	s, err := p.State(ctx, platformProduct)
	if errors.Is(err, state.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if read, err := inventory.Read(s.Values()); err == nil && !read.Known {
		return nil, nil
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, err
	}
	return inv.Hosts(), nil
}

// Details are the plans in Terraform's own words, by stack, those without a
// change left out. Values that a provider or the code calls sensitive are not
// in them. Each takes a start of Terraform with its providers.
func (p *Platform) Details(ctx context.Context, plans *Plans) (map[string]string, error) {
	details := map[string]string{}
	for _, s := range plans.Stacks {
		if s.File == "" {
			continue
		}
		text, err := s.workspace.Show(ctx, s.File)
		if err != nil {
			return details, err
		}
		details[s.Stack.String()] = strings.TrimSpace(text)
	}
	return details, nil
}
