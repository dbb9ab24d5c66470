package stack

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"infra/internal/fault"
	"infra/internal/spelling"
)

// Stack is one product in one environment.
type Stack struct {
	Product     string
	Environment string
}

// String is product/environment.
func (s Stack) String() string { return s.Product + "/" + s.Environment }

// StateKey is the key of the stack's state in the environment's state bucket.
func (s Stack) StateKey() string { return s.String() + "/terraform.tfstate" }

// Source is the folder of the stack's Terraform root module, relative to the
// project and with forward slashes.
func (s Stack) Source() string { return path.Join("terraform", "products", s.Product) }

// Products is the graph of the shipped products: what each one reads from
// another's state (its remote.tf) is a need.
func Products() Graph {
	return Graph{
		"baseline": nil,
		"pipeline": {"baseline"},
	}
}

// Layers is the graph of the layers inside a product; empty for a product
// that has none. Terraform orders them itself: the needs are for people.
func Layers(product string) Graph {
	switch product {
	case "pipeline":
		return Graph{
			"vpc":        nil,
			"zookeeper":  {"vpc"},
			"postgresql": {"vpc"},
			"emr":        {"vpc"},
		}
	default:
		return Graph{}
	}
}

// Select checks a selection of products, as --product gives it, and puts it
// in order without repetition. No selection means every product. A product
// that does not exist is an error naming the nearest.
func Select(products []string) ([]string, error) {
	graph := Products()
	if len(products) == 0 {
		return graph.Order()
	}
	for _, p := range products {
		if _, ok := graph[p]; !ok {
			return nil, unknown("product", "--product", p, graph.Names())
		}
	}
	return graph.Part(products).Order()
}

// Order is the stacks of an environment, what is needed first. The products
// must have come through Select.
func Order(environment string, products []string) ([]Stack, error) {
	names, err := Products().Part(products).Order()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, nothing()
	}
	return stacks(environment, names), nil
}

// DestroyOrder is Order backwards: nothing goes before what needs it.
func DestroyOrder(environment string, products []string) ([]Stack, error) {
	order, err := Order(environment, products)
	slices.Reverse(order)
	return order, err
}

// Waves is Order in groups whose stacks can go side by side.
func Waves(environment string, products []string) ([][]Stack, error) {
	groups, err := Products().Part(products).Waves()
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, nothing()
	}
	waves := make([][]Stack, len(groups))
	for i, group := range groups {
		waves[i] = stacks(environment, group)
	}
	return waves, nil
}

// DestroyWaves is Waves backwards.
func DestroyWaves(environment string, products []string) ([][]Stack, error) {
	waves, err := Waves(environment, products)
	slices.Reverse(waves)
	return waves, err
}

// Targets turns a selection of layers, as --layer gives it, into Terraform
// target addresses for each of the products that has them. Every layer must
// belong to one of the products; products without a selected layer are not in
// the result. No selection gives an empty map: no targets.
func Targets(products, layers []string) (map[string][]string, error) {
	targets := make(map[string][]string)
	var known []string
	for _, p := range products {
		known = append(known, Layers(p).Names()...)
	}
	slices.Sort(known)
	for _, layer := range layers {
		if !slices.Contains(known, layer) {
			return nil, unknownLayer(layer, products, known)
		}
		for _, p := range products {
			address := "module." + layer
			if _, ok := Layers(p)[layer]; ok && !slices.Contains(targets[p], address) {
				targets[p] = append(targets[p], address)
			}
		}
	}
	for _, addresses := range targets {
		slices.Sort(addresses)
	}
	return targets, nil
}

func stacks(environment string, products []string) []Stack {
	out := make([]Stack, len(products))
	for i, p := range products {
		out[i] = Stack{Product: p, Environment: environment}
	}
	return out
}

func nothing() error {
	return fault.New(fault.Usage, "select products", fmt.Errorf("the selection matches nothing"),
		"leave --product out, or name one of "+strings.Join(Products().Names(), ", "))
}

func unknown(kind, flag, name string, known []string) error {
	return fault.New(fault.Usage, "select "+kind+"s",
		fmt.Errorf("no %s %q%s", kind, name, spelling.Suggest(name, known)),
		fmt.Sprintf("leave %s out, or use one of %s", flag, strings.Join(known, ", ")))
}

func unknownLayer(layer string, products, known []string) error {
	if len(known) == 0 {
		return fault.New(fault.Usage, "select layers",
			fmt.Errorf("no layer %q: %s has no layers", layer, strings.Join(products, " and ")), "leave --layer out")
	}
	return unknown("layer", "--layer", layer, known)
}
