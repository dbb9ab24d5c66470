package state

import (
	"maps"
	"slices"
	"strings"
)

// Difference is one thing in which two states differ.
type Difference struct {
	Address   string `json:"address"`          // of an instance, or output.NAME
	Action    string `json:"action"`           // added, removed or changed
	Path      string `json:"path,omitempty"`   // of the attribute that changed
	Before    string `json:"before,omitempty"` // JSON; Masked when it is sensitive
	After     string `json:"after,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Dependencies is the Path of a Difference in what an instance depends on,
// which Terraform keeps beside the attributes.
const Dependencies = "(dependencies)"

// Diff is how b differs from a, by address and path; either may be nil for no
// state. Sensitive values are masked unless reveal is true. Of an instance
// that only one of them has, the values are left out.
func Diff(a, b *State, reveal bool) []Difference {
	before, after := byAddress(a), byAddress(b)
	var out []Difference
	for _, address := range slices.Sorted(maps.Keys(union(before, after))) {
		old, was := before[address]
		now, is := after[address]
		switch {
		case !was:
			out = append(out, Difference{Address: address, Action: "added"})
		case !is:
			out = append(out, Difference{Address: address, Action: "removed"})
		default:
			out = append(out, leafDifferences(address, old, now, reveal)...)
		}
	}
	return out
}

// byAddress is what Diff compares: the leaves of every instance and output.
func byAddress(s *State) map[string]map[string]Leaf {
	found := map[string]map[string]Leaf{}
	if s == nil {
		return found
	}
	for _, i := range s.Instances() {
		leaves := map[string]Leaf{}
		for _, l := range i.Leaves(true) {
			leaves[l.Path] = l
		}
		// What Terraform keeps beside the attributes.
		if i.Tainted {
			leaves["(tainted)"] = Leaf{Path: "(tainted)", Value: "true"}
		}
		leaves["(provider)"] = Leaf{Path: "(provider)", Value: encode(i.Provider)}
		if len(i.Dependencies) > 0 {
			leaves[Dependencies] = Leaf{Path: Dependencies, Value: encode(slices.Sorted(slices.Values(i.Dependencies)))}
		}
		found[i.Address] = leaves
	}
	for name, o := range s.Outputs {
		value := decode(o.Value)
		leaves := map[string]Leaf{}
		newMask(nil).flatten(value, "", o.Sensitive, func(l Leaf) { leaves[l.Path] = l })
		found["output."+name] = leaves
	}
	return found
}

func leafDifferences(address string, before, after map[string]Leaf, reveal bool) []Difference {
	var out []Difference
	for _, path := range slices.Sorted(maps.Keys(union(before, after))) {
		old, now := before[path], after[path]
		if old.Value == now.Value {
			continue
		}
		d := Difference{
			Address: address, Action: "changed", Path: path, Before: old.Value, After: now.Value,
			Sensitive: old.Sensitive || now.Sensitive,
		}
		if d.Sensitive && !reveal {
			for _, value := range []*string{&d.Before, &d.After} {
				if *value != "" {
					*value = Masked
				}
			}
		}
		out = append(out, d)
	}
	return out
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// Lines writes differences for people, one a line; a long value is cut.
func Lines(differences []Difference) string {
	var b strings.Builder
	for _, d := range differences {
		switch d.Action {
		case "added":
			b.WriteString("+ " + d.Address + "\n")
		case "removed":
			b.WriteString("- " + d.Address + "\n")
		default:
			at := d.Address
			if d.Path != "" {
				at += " " + d.Path
			}
			b.WriteString("~ " + at + ": " + short(d.Before) + " -> " + short(d.After) + "\n")
		}
	}
	return b.String()
}

// valueLimit is how much of a value Lines shows.
const valueLimit = 100

func short(value string) string {
	if value == "" {
		return "(none)"
	}
	if runes := []rune(value); len(runes) > valueLimit {
		return string(runes[:valueLimit]) + "…"
	}
	return value
}
