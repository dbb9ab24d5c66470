// Package stack knows which stacks there are and in which order they go.
//
// A stack is a product in an environment and has exactly one Terraform state.
// The order is that of the products' needs: what is needed comes first, of
// those that could come next the first in the alphabet; destroying takes the
// same order backwards. Waves are the same walk with everything that could
// come next taken at once. Nothing here reads a file or the cloud.
package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Graph maps each name to the names it needs.
type Graph map[string][]string

// Names are the graph's names in alphabetical order.
func (g Graph) Names() []string { return slices.Sorted(maps.Keys(g)) }

// Waves are the names in groups: each group needs only earlier ones and its
// members can go side by side. A need outside the graph counts as met, so
// that a part of a graph can be ordered. A circle of needs is an error.
func (g Graph) Waves() ([][]string, error) {
	done := make(map[string]bool, len(g))
	var waves [][]string
	for len(done) < len(g) {
		var wave []string
		for _, name := range g.Names() {
			if !done[name] && g.met(name, done) {
				wave = append(wave, name)
			}
		}
		if len(wave) == 0 {
			return nil, fmt.Errorf("these need each other in a circle: %s", strings.Join(g.left(done), ", "))
		}
		for _, name := range wave {
			done[name] = true
		}
		waves = append(waves, wave)
	}
	return waves, nil
}

// Order is the names one by one: needs first, then alphabetical.
func (g Graph) Order() ([]string, error) {
	done := make(map[string]bool, len(g))
	order := make([]string, 0, len(g))
	for len(order) < len(g) {
		next := slices.IndexFunc(g.left(done), func(name string) bool { return g.met(name, done) })
		if next < 0 {
			return nil, fmt.Errorf("these need each other in a circle: %s", strings.Join(g.left(done), ", "))
		}
		name := g.left(done)[next]
		done[name] = true
		order = append(order, name)
	}
	return order, nil
}

// Part is the graph of the named ones alone.
func (g Graph) Part(names []string) Graph {
	part := make(Graph, len(names))
	for _, name := range names {
		if needs, ok := g[name]; ok {
			part[name] = slices.Clone(needs)
		}
	}
	return part
}

// Dependents are the names that need name directly, in alphabetical order.
func (g Graph) Dependents(name string) []string {
	var out []string
	for _, other := range g.Names() {
		if slices.Contains(g[other], name) {
			out = append(out, other)
		}
	}
	return out
}

func (g Graph) met(name string, done map[string]bool) bool {
	for _, need := range g[name] {
		if _, inside := g[need]; inside && !done[need] {
			return false
		}
	}
	return true
}

func (g Graph) left(done map[string]bool) []string {
	return slices.DeleteFunc(g.Names(), func(name string) bool { return done[name] })
}
