package stack

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"infra/internal/fault"
)

func TestStack(t *testing.T) {
	s := Stack{Product: "pipeline", Environment: "prod"}
	if s.String() != "pipeline/prod" || s.StateKey() != "pipeline/prod/terraform.tfstate" || s.Source() != "terraform/products/pipeline" {
		t.Errorf("%s %s %s", s, s.StateKey(), s.Source())
	}
}

func TestOrderAndWaves(t *testing.T) {
	for name, c := range map[string]struct {
		graph Graph
		order string
		waves string
		fails string
	}{
		"nothing":             {graph: Graph{}, order: "[]", waves: "[]"},
		"alphabetical":        {graph: Graph{"b": nil, "c": nil, "a": nil}, order: "[a b c]", waves: "[[a b c]]"},
		"needs first":         {graph: Graph{"a": {"b"}, "b": {"c"}, "c": nil}, order: "[c b a]", waves: "[[c] [b] [a]]"},
		"diamond":             {graph: Graph{"d": {"b", "c"}, "c": {"a"}, "b": {"a"}, "a": nil}, order: "[a b c d]", waves: "[[a] [b c] [d]]"},
		"as soon as possible": {graph: Graph{"a": {"z"}, "b": nil, "z": nil}, order: "[b z a]", waves: "[[b z] [a]]"},
		"needs outside":       {graph: Graph{"a": {"elsewhere"}}, order: "[a]", waves: "[[a]]"},
		"circle":              {graph: Graph{"a": {"b"}, "b": {"a"}, "c": nil}, fails: "these need each other in a circle: a, b"},
		"itself":              {graph: Graph{"a": {"a"}}, fails: "in a circle: a"},
	} {
		t.Run(name, func(t *testing.T) {
			order, errOrder := c.graph.Order()
			waves, errWaves := c.graph.Waves()
			if c.fails != "" {
				for _, err := range []error{errOrder, errWaves} {
					if err == nil || !strings.Contains(err.Error(), c.fails) {
						t.Errorf("error: %v, want %s", err, c.fails)
					}
				}
				return
			}
			if errOrder != nil || errWaves != nil {
				t.Fatal(errOrder, errWaves)
			}
			if got := fmt.Sprint(order); got != c.order {
				t.Errorf("order %s, want %s", got, c.order)
			}
			if got := fmt.Sprint(waves); got != c.waves {
				t.Errorf("waves %s, want %s", got, c.waves)
			}
		})
	}
}

func TestShippedProducts(t *testing.T) {
	graph := Products()
	if _, err := graph.Order(); err != nil {
		t.Error(err)
	}
	for product, needs := range graph {
		for _, need := range needs {
			if _, ok := graph[need]; !ok {
				t.Errorf("%s needs %s, which is none", product, need)
			}
		}
		if _, err := Layers(product).Order(); err != nil {
			t.Errorf("layers of %s: %v", product, err)
		}
	}
	if got := graph.Dependents("baseline"); !reflect.DeepEqual(got, []string{"pipeline"}) {
		t.Errorf("dependents of baseline: %v", got)
	}
}

func TestOrderOfStacks(t *testing.T) {
	all := []string{"pipeline", "baseline"}
	for name, c := range map[string]struct {
		got  func() (any, error)
		want string
	}{
		"order":         {func() (any, error) { return Order("prod", all) }, "[baseline/prod pipeline/prod]"},
		"part":          {func() (any, error) { return Order("prod", all[:1]) }, "[pipeline/prod]"},
		"destroy":       {func() (any, error) { return DestroyOrder("prod", all) }, "[pipeline/prod baseline/prod]"},
		"waves":         {func() (any, error) { return Waves("prod", all) }, "[[baseline/prod] [pipeline/prod]]"},
		"destroy waves": {func() (any, error) { return DestroyWaves("prod", all) }, "[[pipeline/prod] [baseline/prod]]"},
	} {
		if got, err := c.got(); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v %v, want %s", name, got, err, c.want)
		}
	}
	for name, f := range map[string]func() (any, error){
		"order":         func() (any, error) { return Order("prod", nil) },
		"destroy":       func() (any, error) { return DestroyOrder("prod", []string{"nothing"}) },
		"waves":         func() (any, error) { return Waves("prod", nil) },
		"destroy waves": func() (any, error) { return DestroyWaves("prod", nil) },
	} {
		if _, err := f(); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "the selection matches nothing") {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		give, want string
		err, hint  string
	}{
		{give: "", want: "baseline pipeline"},
		{give: "pipeline", want: "pipeline"},
		{give: "pipeline baseline pipeline", want: "baseline pipeline"},
		{give: "pipelin", err: `select products: no product "pipelin"; did you mean "pipeline"?`, hint: "use one of baseline, pipeline"},
		{give: "pipeline zzz", err: `select products: no product "zzz"`, hint: "leave --product out"},
		{give: "../pipeline", err: `select products: no product "../pipeline"; did you mean "pipeline"?`, hint: "use one of"},
		{give: "-pipeline\x1b", err: `select products: no product "-pipeline\x1b"; did you mean "pipeline"?`, hint: "use one of"},
	} {
		got, err := Select(strings.Fields(c.give))
		if c.err != "" {
			if err == nil || err.Error() != c.err || fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), c.hint) {
				t.Errorf("Select(%q): %v, hint %q", c.give, err, fault.HintOf(err))
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("Select(%q) = %v %v, want %s", c.give, got, err, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	both := []string{"baseline", "pipeline"}
	for _, c := range []struct {
		products     []string
		layers, want string
		err          string
	}{
		{both, "", "map[]", ""},
		{both, "vpc", "map[pipeline:[module.vpc]]", ""},
		{both, "zookeeper emr zookeeper", "map[pipeline:[module.emr module.zookeeper]]", ""},
		{both, "vcp", "", `select layers: no layer "vcp"; did you mean "vpc"?`},
		{both, "kafka", "", `select layers: no layer "kafka"`},
		{both[:1], "vpc", "", `select layers: no layer "vpc": baseline has no layers`},
	} {
		got, err := Targets(c.products, strings.Fields(c.layers))
		if c.err != "" {
			if err == nil || err.Error() != c.err || fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("Targets(%v, %q): %v", c.products, c.layers, err)
			}
			continue
		}
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("Targets(%v, %q) = %v %v, want %s", c.products, c.layers, got, err, c.want)
		}
	}
}

func TestDrawings(t *testing.T) {
	products := Graph{"lower": nil, "upper": {"lower"}}
	layers := func(product string) Graph {
		if product == "upper" {
			return Graph{"net": nil, "base": {"net"}}
		}
		return Graph{}
	}
	wantMermaid := `flowchart LR
  lower["lower/prod"]
  subgraph upper["upper/prod"]
    upper.base["base"]
    upper.net["net"]
    upper.base --> upper.net
  end
  upper --> lower
`
	if got := mermaid("prod", products, layers); got != wantMermaid {
		t.Errorf("got\n%s\nwant\n%s", got, wantMermaid)
	}
	wantDot := `digraph "prod" {
  rankdir=LR;
  compound=true;
  node [shape=box];
  "lower" [label="lower/prod"];
  subgraph "cluster_upper" {
    label="upper/prod";
    "upper.base" [label="base"];
    "upper.net" [label="net"];
    "upper.base" -> "upper.net";
  }
  "upper.net" -> "lower" [ltail="cluster_upper"];
}
`
	if got := dot("prod", products, layers); got != wantDot {
		t.Errorf("got\n%s\nwant\n%s", got, wantDot)
	}
	for _, text := range []string{Mermaid("acme"), Dot("acme")} {
		for _, want := range []string{"baseline/acme", "pipeline/acme", "vpc", "zookeeper", "postgresql", "emr"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", text, want)
			}
		}
	}
}
