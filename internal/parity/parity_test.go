package parity

import (
	"slices"
	"testing"
)

func fact(name, value string) Fact { return Fact{Section: Setting, Name: name, Value: value} }

func TestCompare(t *testing.T) {
	t.Parallel()
	prod := Environment{Name: "prod", Facts: []Fact{
		fact("nat", "per_zone"), fact("size", "5"),
		{Section: Setting, Name: "account", Value: "1", Own: true},
		{Section: Package, Name: "zookeeper", Value: "3.8.0"},
		{Section: Version, Name: "terraform", Value: "1.11.4"},
	}}
	staging := Environment{Name: "staging", Facts: []Fact{
		fact("size", "3"), fact("nat", "single"), {Section: Setting, Name: "account", Value: "2", Own: true}, {Section: Version, Name: "terraform", Value: "1.11.4"},
	}, Unasked: map[Section]string{Package: "no host answers"}}
	acme := Environment{Name: "acme", Facts: []Fact{fact("nat", "per_zone"), fact("size", "3"), {Section: Setting, Name: "account", Value: "3", Own: true}}}

	for name, c := range map[string]struct {
		all   []Environment
		names []string
		count int // that count
	}{
		"itself":           {[]Environment{prod, prod}, nil, 0},
		"alone":            {[]Environment{prod}, nil, 0},
		"none":             {nil, nil, 0},
		"two":              {[]Environment{prod, staging}, []string{"account", "nat", "size"}, 2},
		"what one has not": {[]Environment{prod, acme}, []string{"account", "size", "terraform", "zookeeper"}, 3},
		"three":            {[]Environment{prod, staging, acme}, []string{"account", "nat", "size", "terraform", "zookeeper"}, 4},
	} {
		var names []string
		found := Compare(c.all...)
		for _, d := range found {
			names = append(names, d.Name)
		}
		if !slices.Equal(names, c.names) || len(Counting(found)) != c.count {
			t.Errorf("%s: %v, %d count", name, names, len(Counting(found)))
		}
	}

	all := Compare(prod, staging, acme)
	for i, want := range [][]int{{0, 2, 3}, {2, 0, 2}, {3, 2, 0}} {
		if got := Pairs(all, []string{"prod", "staging", "acme"})[i]; !slices.Equal(got, want) {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
	groups := all[1].Groups()
	if len(groups) != 2 || groups[0].Value != "per_zone" || !slices.Equal(groups[0].Environments, []string{"prod", "acme"}) {
		t.Errorf("groups of %s: %+v", all[1].Name, groups)
	}
}

// An empty value is not the same as none.
func TestEmptyIsNotMissing(t *testing.T) {
	t.Parallel()
	found := Compare(Environment{Name: "a", Facts: []Fact{fact("x", "")}}, Environment{Name: "b"})
	if len(found) != 1 || found[0].Values[0].Missing || !found[0].Values[1].Missing || Pairs(found, []string{"a", "b"})[0][1] != 1 {
		t.Errorf("got %+v", found)
	}
}
