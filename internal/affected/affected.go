// Package affected decides which environments, stacks and hosts a change of
// files concerns. It is pure: the caller lists the files and gives the tree.
//
// A path is followed to what is made of it:
//
//	environments/X.yaml     every environment whose chain of `extends` has X: all of it
//	terraform/...           the products whose root module reaches the folder by module
//	                        sources, and the layers of the root through which it does
//	ansible/playbooks/...   the hosts of the plays that site.yml reaches in the file
//	ansible/roles/...       the hosts of the plays that use the role, directly or by another
//	ansible/...             what no rule knows concerns all hosts: it is better to plan too much
//	all else                nothing: the command, its tests and documentation change no cloud
package affected

import (
	"cmp"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"infra/internal/stack"
)

// Project is what a checkout is made of.
type Project struct {
	chains   map[string][]string // environment -> files that it is made of
	products map[string]folders
	hosts    hosts
}

// folders are those that a product's root module reaches, each with the
// layers (module blocks of the root) through which it does. The root itself
// has none: it concerns all of them.
type folders map[string][]string

// Environment is what a change concerns of one environment.
type Environment struct {
	Name   string   `json:"environment"`
	Stacks []Stack  `json:"stacks"` // what is needed first comes first
	Hosts  []string `json:"hosts"`  // layers whose hosts are configured in another way; sorted
	Paths  []string `json:"paths"`  // of the change, that concern it; sorted
}

// Stack is a stack that a change concerns.
type Stack struct {
	Product string   `json:"product"`
	Layers  []string `json:"layers,omitempty"` // empty: all of it
}

// hostsProduct is the product whose layers have hosts.
const hostsProduct = "pipeline"

// Read learns from the tree of a checkout how modules, playbooks and roles
// refer to each other. chains are the environments with the files that each
// is made of, relative to the project.
func Read(tree fs.FS, chains map[string][]string) (*Project, error) {
	p := &Project{chains: chains, products: map[string]folders{}}
	for _, product := range stack.Products().Names() {
		reached, err := reach(tree, stack.Stack{Product: product}.Source())
		if err != nil {
			return nil, err
		}
		p.products[product] = reached
	}
	var err error
	p.hosts, err = readHosts(tree, stack.Layers(hostsProduct).Names())
	return p, err
}

// touch is what one path concerns.
type touch struct {
	stacks map[string][]string // product -> layers; nil layers: all of it
	hosts  []string
	only   func(environment string) bool // nil: every environment
}

func (t touch) nothing() bool { return len(t.stacks) == 0 && len(t.hosts) == 0 }

// follow finds what a path concerns.
func (p *Project) follow(name string) touch {
	top, _, _ := strings.Cut(name, "/")
	switch {
	case top == "environments":
		t := touch{stacks: map[string][]string{}, hosts: p.hosts.layers}
		for product := range p.products {
			t.stacks[product] = nil
		}
		t.only = func(environment string) bool { return slices.Contains(p.chains[environment], name) }
		return t
	case unread(name):
		return touch{}
	case top == "terraform":
		return touch{stacks: p.stacks(name)}
	case top == "ansible":
		return touch{hosts: p.hosts.of(name)}
	default:
		return touch{}
	}
}

// stacks are the products that reach a file, with the layers that do.
func (p *Project) stacks(name string) map[string][]string {
	out := map[string][]string{}
	for product, reached := range p.products {
		// Of nested folders the nearest counts: a module may lie inside another.
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if layers, ok := reached[dir]; ok {
				out[product] = layers
				break
			}
		}
	}
	return out
}

// unread tells whether neither Terraform nor Ansible looks at a file in a
// run: documentation, and tests.
func unread(name string) bool {
	if path.Base(name) == "README.md" || strings.HasSuffix(name, ".tftest.hcl") {
		return true
	}
	parts := strings.Split(path.Dir(name), "/")
	// terraform/layers/NAME/tests, ansible/roles/NAME/tests and molecule.
	return len(parts) > 3 && (parts[3] == "tests" || parts[3] == "molecule")
}

// Of is what a change of these paths concerns, environments by name. Paths
// are relative to the project, with forward slashes.
func (p *Project) Of(paths []string) []Environment {
	found := map[string]*finding{}
	for _, name := range slices.Sorted(slices.Values(paths)) {
		t := p.follow(name)
		if t.nothing() {
			continue
		}
		for environment := range p.chains {
			if t.only != nil && !t.only(environment) {
				continue
			}
			if found[environment] == nil {
				found[environment] = &finding{stacks: map[string]map[string]bool{}, whole: map[string]bool{}, hosts: map[string]bool{}}
			}
			found[environment].add(name, t)
		}
	}
	out := make([]Environment, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name].environment(name))
	}
	return out
}

// Touches tells whether a path is a part of what an environment is made of:
// whether a change of it alone would concern it.
func (p *Project) Touches(environment, name string) bool {
	t := p.follow(name)
	return !t.nothing() && (t.only == nil || t.only(environment))
}

// finding gathers what paths concern of one environment.
type finding struct {
	stacks map[string]map[string]bool
	whole  map[string]bool // products of which all is concerned
	hosts  map[string]bool
	paths  []string
}

func (f *finding) add(name string, t touch) {
	f.paths = append(f.paths, name)
	for product, layers := range t.stacks {
		if f.stacks[product] == nil {
			f.stacks[product] = map[string]bool{}
		}
		f.whole[product] = f.whole[product] || len(layers) == 0
		for _, layer := range layers {
			f.stacks[product][layer] = true
		}
	}
	for _, layer := range t.hosts {
		f.hosts[layer] = true
	}
}

func (f *finding) environment(name string) Environment {
	e := Environment{Name: name, Stacks: []Stack{}, Hosts: slices.Sorted(maps.Keys(f.hosts)), Paths: f.paths}
	for product, layers := range f.stacks {
		s := Stack{Product: product}
		if !f.whole[product] {
			s.Layers = slices.Sorted(maps.Keys(layers))
		}
		e.Stacks = append(e.Stacks, s)
	}
	order := ordered()
	slices.SortFunc(e.Stacks, func(a, b Stack) int {
		return cmp.Compare(slices.Index(order, a.Product), slices.Index(order, b.Product))
	})
	if e.Hosts == nil {
		e.Hosts = []string{}
	}
	return e
}

// ordered are the products, what is needed first. The shipped graph has no
// circle: its tests say so.
func ordered() []string {
	order, err := stack.Products().Order()
	if err != nil {
		return stack.Products().Names()
	}
	return order
}
