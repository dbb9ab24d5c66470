// Package parity compares environments with each other: fact by fact, what one
// says and another says otherwise. What is known of an environment is gathered
// elsewhere; where it could not be had, nothing is claimed to differ.
//
// Some facts belong to an environment alone (its account, its network): they
// differ by nature, are listed apart and do not count.
package parity

import (
	"cmp"
	"slices"
)

// Section is what sort of fact it is.
type Section string

// The sections, in their order.
const (
	Setting  Section = "setting"  // of the environment's file, effective
	Version  Section = "version"  // Terraform, images, managed engines
	Provider Section = "provider" // Terraform's, as they were at the last apply
	Package  Section = "package"  // installed on the hosts
	LastRun  Section = "run"      // how the last run ended
)

// Sections are all of them in their order.
func Sections() []Section { return []Section{Setting, Version, Provider, Package, LastRun} }

// Title is a section for people.
func (s Section) Title() string {
	switch s {
	case Setting:
		return "Settings"
	case Version:
		return "Versions"
	case Provider:
		return "Providers"
	case Package:
		return "Packages on hosts"
	case LastRun:
		return "Last run"
	default:
		return string(s)
	}
}

// LeftOut is why something was not asked that nobody wanted to know.
const LeftOut = "left out"

// Fact is one thing that is known of an environment.
type Fact struct {
	Section Section
	Name    string // products.pipeline.vpc.nat
	Value   string
	Place   string // where it comes from: environments/prod.yaml:12:7, default, a run
	Own     bool   // it belongs to the environment alone
}

// Environment is what is known of one.
type Environment struct {
	Name    string
	Facts   []Fact
	Unasked map[Section]string // what could not be had, and why
}

// Value is what one environment says of a fact.
type Value struct {
	Environment string `json:"environment"`
	Value       string `json:"value"` // empty with missing
	Missing     bool   `json:"missing,omitempty"`
	Place       string `json:"place,omitempty"`
}

// Difference is a fact that not all environments agree on.
type Difference struct {
	Section Section `json:"section"`
	Name    string  `json:"name"`
	Own     bool    `json:"own,omitempty"` // by nature: it does not count
	Values  []Value `json:"values"`        // in the order of the environments; without those that could not be asked
}

// Compare lists the facts on which environments differ, by section and name.
func Compare(environments ...Environment) []Difference {
	type key struct {
		section Section
		name    string
	}
	facts, known := make([]map[key]Fact, len(environments)), map[key]bool{}
	var keys []key
	for i, e := range environments {
		facts[i] = map[key]Fact{}
		for _, f := range e.Facts {
			k := key{f.Section, f.Name}
			if !known[k] {
				keys = append(keys, k)
			}
			facts[i][k], known[k] = f, true
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(slices.Index(Sections(), a.section), slices.Index(Sections(), b.section)), cmp.Compare(a.name, b.name))
	})
	var found []Difference
	for _, k := range keys {
		d := Difference{Section: k.section, Name: k.name}
		for i, e := range environments {
			if _, unasked := e.Unasked[k.section]; unasked {
				continue
			}
			f, ok := facts[i][k]
			d.Own = d.Own || f.Own
			d.Values = append(d.Values, Value{Environment: e.Name, Value: f.Value, Missing: !ok, Place: f.Place})
		}
		if slices.ContainsFunc(d.Values, func(v Value) bool { return v.Value != d.Values[0].Value || v.Missing != d.Values[0].Missing }) {
			found = append(found, d)
		}
	}
	return found
}

// Counting are the differences that do not lie in the nature of things.
func Counting(all []Difference) []Difference {
	return slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return d.Own })
}

// Pairs counts the differences that count between every two of the
// environments, by their places in names: [one][other], and the same the other
// way round.
func Pairs(all []Difference, names []string) [][]int {
	counts, at := make([][]int, len(names)), make(map[string]int, len(names))
	for i, name := range names {
		counts[i], at[name] = make([]int, len(names)), i
	}
	for _, d := range Counting(all) {
		for i, a := range d.Values {
			for _, b := range d.Values[i+1:] {
				if a.Value != b.Value || a.Missing != b.Missing {
					counts[at[a.Environment]][at[b.Environment]]++
					counts[at[b.Environment]][at[a.Environment]]++
				}
			}
		}
	}
	return counts
}

// Group is a value with those that have it.
type Group struct {
	Value        string
	Missing      bool
	Environments []string
	Places       []string // of each
}

// Groups are the values of a difference, each once: what most have comes first.
func (d Difference) Groups() []Group {
	var groups []Group
	for _, v := range d.Values {
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Value == v.Value && g.Missing == v.Missing })
		if i < 0 {
			groups = append(groups, Group{Value: v.Value, Missing: v.Missing})
			i = len(groups) - 1
		}
		groups[i].Environments, groups[i].Places = append(groups[i].Environments, v.Environment), append(groups[i].Places, v.Place)
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(len(b.Environments), len(a.Environments)) })
	return groups
}
