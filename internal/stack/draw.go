package stack

import (
	"fmt"
	"strings"
)

// edge is an arrow from what needs to what is needed.
type edge struct{ from, to string }

// edges are a graph's arrows in alphabetical order.
func (g Graph) edges() []edge {
	var out []edge
	for _, name := range g.Names() {
		for _, need := range g[name] {
			out = append(out, edge{name, need})
		}
	}
	return out
}

// Dependencies are an environment's stacks and layers with what each needs, as
// data.
type Dependencies struct {
	Schema      string   `json:"schema"` // infra/dependencies/v1
	Environment string   `json:"environment"`
	Products    []Needer `json:"products"`
}

// Needer is a product or a layer, and what it needs of its like.
type Needer struct {
	Name   string   `json:"name"`
	Needs  []string `json:"needs"`
	Layers []Needer `json:"layers,omitempty"`
}

// Needs are the dependencies of an environment.
func Needs(environment string) Dependencies {
	d := Dependencies{Schema: "infra/dependencies/v1", Environment: environment, Products: Products().needers()}
	for i, product := range d.Products {
		d.Products[i].Layers = Layers(product.Name).needers()
	}
	return d
}

func (g Graph) needers() []Needer {
	all := make([]Needer, 0, len(g))
	for _, name := range g.Names() {
		all = append(all, Needer{Name: name, Needs: append([]string{}, g[name]...)})
	}
	return all
}

// Mermaid draws an environment's stacks, with the layers inside them, as a
// Mermaid flowchart. Arrows point to what is needed.
func Mermaid(environment string) string {
	return mermaid(environment, Products(), Layers)
}

// Dot draws the same for Graphviz.
func Dot(environment string) string {
	return dot(environment, Products(), Layers)
}

func mermaid(environment string, products Graph, layers func(string) Graph) string {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for _, product := range products.Names() {
		title := Stack{product, environment}.String()
		inside := layers(product)
		if len(inside) == 0 {
			fmt.Fprintf(&out, "  %s[\"%s\"]\n", product, title)
			continue
		}
		fmt.Fprintf(&out, "  subgraph %s[\"%s\"]\n", product, title)
		for _, layer := range inside.Names() {
			fmt.Fprintf(&out, "    %s.%s[\"%s\"]\n", product, layer, layer)
		}
		for _, e := range inside.edges() {
			fmt.Fprintf(&out, "    %s.%s --> %s.%s\n", product, e.from, product, e.to)
		}
		out.WriteString("  end\n")
	}
	for _, e := range products.edges() {
		fmt.Fprintf(&out, "  %s --> %s\n", e.from, e.to)
	}
	return out.String()
}

func dot(environment string, products Graph, layers func(string) Graph) string {
	var out strings.Builder
	fmt.Fprintf(&out, "digraph %q {\n  rankdir=LR;\n  compound=true;\n  node [shape=box];\n", environment)
	for _, product := range products.Names() {
		title := Stack{product, environment}.String()
		inside := layers(product)
		if len(inside) == 0 {
			fmt.Fprintf(&out, "  %q [label=%q];\n", product, title)
			continue
		}
		fmt.Fprintf(&out, "  subgraph %q {\n    label=%q;\n", "cluster_"+product, title)
		for _, layer := range inside.Names() {
			fmt.Fprintf(&out, "    %q [label=%q];\n", product+"."+layer, layer)
		}
		for _, e := range inside.edges() {
			fmt.Fprintf(&out, "    %q -> %q;\n", product+"."+e.from, product+"."+e.to)
		}
		out.WriteString("  }\n")
	}
	for _, e := range products.edges() {
		from, tail := anchor(e.from, layers)
		to, head := anchor(e.to, layers)
		attributes := ""
		if tail != "" {
			attributes += fmt.Sprintf(" [ltail=%q]", tail)
		}
		if head != "" {
			attributes += fmt.Sprintf(" [lhead=%q]", head)
		}
		fmt.Fprintf(&out, "  %q -> %q%s;\n", from, to, attributes)
	}
	out.WriteString("}\n")
	return out.String()
}

// anchor is the node that stands for a product in an arrow, because Graphviz
// has none to a cluster, and the cluster at whose edge the arrow is cut.
func anchor(product string, layers func(string) Graph) (node, cluster string) {
	names := layers(product).Names()
	if len(names) == 0 {
		return product, ""
	}
	return product + "." + names[len(names)-1], "cluster_" + product
}
