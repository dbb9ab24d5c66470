package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"infra/internal/fault"
	"infra/internal/spelling"
	"infra/internal/stack"
	"infra/internal/state"
)

// StateOf finds the one product that an address belongs to: of those that are
// selected, all when none is, the one whose state has it.
func (p *Platform) StateOf(ctx context.Context, products []string, address string) (string, []state.Instance, error) {
	op := "find " + address + " in the states of " + p.Env.Name()
	products, err := stack.Select(products)
	if err != nil {
		return "", nil, err
	}
	var in, known []string
	var found []state.Instance
	for _, product := range products {
		s, err := p.State(ctx, product)
		if errors.Is(err, state.ErrAbsent) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		known = append(known, s.Addresses()...)
		if instances := s.Find(address); len(instances) > 0 {
			in, found = append(in, product), instances
		}
	}
	switch len(in) {
	case 1:
		return in[0], found, nil
	case 0:
		return "", nil, fault.New(fault.Usage, op, errors.New("there is no such address"+spelling.Suggest(address, known)), "infra state list "+p.Env.Name())
	default:
		return "", nil, fault.New(fault.Usage, op, fmt.Errorf("it is in %s", strings.Join(in, " and ")), "add --product "+strings.Join(in, " or --product "))
	}
}

// Importer is the product whose code an address that is not in any state yet
// belongs to: the selected one, or the one that has the address's layer.
func Importer(products []string, address string) (string, error) {
	products, err := stack.Select(products)
	if err != nil {
		return "", err
	}
	if len(products) == 1 {
		return products[0], nil
	}
	layer, inModule := strings.CutPrefix(address, "module.")
	if end := strings.IndexAny(layer, ".["); end >= 0 {
		layer = layer[:end]
	}
	var with []string
	for _, product := range products {
		if _, ok := stack.Layers(product)[layer]; ok && inModule {
			with = append(with, product)
		}
	}
	if len(with) == 1 {
		return with[0], nil
	}
	return "", fault.New(fault.Usage, "import "+address, errors.New("it could belong to "+strings.Join(products, " or ")), "name it: --product "+products[0])
}
