// Package drift judges what was found to differ between an environment and its
// code: what somebody changed in AWS, what the code wants and nobody applied,
// what Ansible would change on the hosts, instances that nobody manages, and hosts
// that are made of another image than new ones.
//
// Terraform's plan tells of both sides at once. What it found to be other than
// the state says was changed outside; what it wants to do beyond undoing that
// is a change of the code. Some of what it finds is no drift at all: a provider
// writes an empty value in two ways, and the state of a resource does not yet
// have what another resource of the same state has since put into it. That, and
// what the environment's file lists in drift.ignore, is noise: it is shown and
// does not count.
package drift

import (
	"cmp"
	"slices"
)

// Kind is which sort of difference a Finding is.
type Kind string

// The kinds, in the order in which they are reported.
const (
	Outside  Kind = "outside"  // somebody changed it in AWS
	Code     Kind = "code"     // the code wants it and nobody applied it
	Host     Kind = "host"     // Ansible would change it
	Instance Kind = "instance" // it exists and nobody manages it
	OldImage Kind = "image"    // it is made of another image than a new one would be
)

// Kinds are all kinds in their order.
func Kinds() []Kind { return []Kind{Outside, Code, Host, Instance, OldImage} }

// Title is a kind for people, as a heading.
func (k Kind) Title() string {
	switch k {
	case Outside:
		return "Changed outside of infra"
	case Code:
		return "In the code, not applied"
	case Host:
		return "Ansible would change"
	case Instance:
		return "Instances that nobody manages"
	case OldImage:
		return "Hosts made of another image"
	default:
		return string(k)
	}
}

// Attribute is one value of a resource that differs.
type Attribute struct {
	Path    string `json:"path"`             // tags["Name"], ingress[0].from_port
	Before  string `json:"before,omitempty"` // JSON; masked when it is sensitive
	After   string `json:"after,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // the value after is known only when it was applied
}

// Finding is one difference.
type Finding struct {
	Kind Kind `json:"kind"`

	Stack      string      `json:"stack,omitempty"` // of outside and code
	Address    string      `json:"address,omitempty"`
	Action     string      `json:"action,omitempty"` // outside: what was done to it; code: what apply would do
	Attributes []Attribute `json:"attributes,omitempty"`
	Undone     bool        `json:"undone,omitempty"` // outside: apply would put it back

	Host string `json:"host,omitempty"`
	Task string `json:"task,omitempty"`
	File string `json:"file,omitempty"` // what the task would change, where Ansible says it

	ID   string `json:"id,omitempty"` // of an instance
	Name string `json:"name,omitempty"`

	Detail string `json:"detail,omitempty"` // what else there is to say
	Noise  string `json:"noise,omitempty"`  // why it does not count; empty: it does
}

// Split tells the findings that count from the noise, both in the order in
// which they are reported.
func Split(all []Finding) (counting, noise []Finding) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Kinds(), a.Kind), slices.Index(Kinds(), b.Kind)),
			cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, f := range sorted {
		if f.Noise == "" {
			counting = append(counting, f)
		} else {
			noise = append(noise, f)
		}
	}
	return counting, noise
}
