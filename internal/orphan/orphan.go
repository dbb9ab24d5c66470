// Package orphan finds what a run has made and no state knows: Terraform was
// killed before it could write down what it had created, and nobody would ever
// destroy it.
//
// There are three witnesses. AWS tells which resources carry the tag with the
// run's id, which the provider gives to everything that it creates (Tagged).
// What has no tags is found by its name, which begins with the environment's,
// and its age (Named). And the event log that Terraform wrote, where it is on
// this machine, tells what was begun and what was done, with addresses
// (ReadLog). What all of them name and no state has is an orphan (Find).
package orphan

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"infra/internal/state"
)

// Tag is the tag that carries the id of the run that has created a resource.
// The AWS provider sets it (TF_AWS_DEFAULT_TAGS_infra-run) and otherwise
// ignores it (provider.tf).
const Tag = "infra-run"

// Resource is something that exists, or may exist, and is in no state.
type Resource struct {
	ARN       string `json:"arn,omitempty"`
	Type      string `json:"type,omitempty"`    // Terraform's, "aws_kms_key"; empty when it is not known
	ID        string `json:"id,omitempty"`      // what `infra state import` wants
	Product   string `json:"product,omitempty"` // that it belongs to; empty when it is not known
	Address   string `json:"address,omitempty"` // in the product's code; empty when it is not known
	Name      string `json:"name,omitempty"`    // tag Name
	Uncertain bool   `json:"uncertain"`         // its creation was begun; whether it was done is not known
}

// Label is what identifies it best, in one word, for the ledger.
func (r Resource) Label() string { return cmp.Or(r.ARN, r.ID, r.Address) }

// Find puts the witnesses together: seen are resources that exist, begun what
// the logs tell of, states those of all products, by product. What a state has
// is left out.
func Find(seen []Resource, begun []Creation, states map[string]*state.State) []Resource {
	known := index(states)
	var found []Resource
	for _, r := range seen {
		if !known.has(r) && !slices.ContainsFunc(found, func(f Resource) bool { return f.ARN == r.ARN }) {
			found = append(found, r)
		}
	}
	begun = slices.DeleteFunc(slices.Clone(begun), func(c Creation) bool { return known.addresses[c.Product+" "+c.Address] })
	// First those that the log knows the id of, so that guessing has less to
	// guess.
	slices.SortStableFunc(begun, func(a, b Creation) int { return compareBool(a.ID == "", b.ID == "") })
	for _, c := range begun {
		r := Resource{Type: c.Type, ID: c.ID, Product: c.Product, Address: c.Address, Uncertain: c.ID == ""}
		i := slices.IndexFunc(found, func(f Resource) bool { return f.Address == "" && same(f, r) })
		if i < 0 && r.Uncertain {
			i = only(found, begun, r.Type)
		}
		switch {
		case i >= 0:
			found[i].Product, found[i].Address, found[i].Type = c.Product, c.Address, c.Type
		case !c.Failed && !known.has(r):
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(compareBool(a.Uncertain, b.Uncertain), strings.Compare(a.Type, b.Type), strings.Compare(a.Address, b.Address), strings.Compare(a.Label(), b.Label()))
	})
	return found
}

// only is the one resource of a type that has no address yet, when the log has
// only one creation of that type to give it to.
func only(found []Resource, begun []Creation, kind string) int {
	creations, at := 0, -1
	for _, c := range begun {
		if c.Type == kind && c.ID == "" {
			creations++
		}
	}
	for i, r := range found {
		if r.Type != kind || r.Address != "" {
			continue
		}
		if at >= 0 {
			return -1
		}
		at = i
	}
	if creations != 1 {
		return -1
	}
	return at
}

// same tells whether two witnesses speak of one thing.
func same(a, b Resource) bool {
	return b.ID != "" && (a.ARN == b.ID || (a.ID == b.ID && (a.Type == "" || a.Type == b.Type || slices.Contains(twins(a.Type), b.Type))))
}

// ids is everything that states know, by the words that AWS knows it by.
type ids struct {
	arns      map[string]bool
	typed     map[string]bool // type and id
	any       map[string]bool // id alone
	addresses map[string]bool // product and address
}

func index(states map[string]*state.State) ids {
	known := ids{arns: map[string]bool{}, typed: map[string]bool{}, any: map[string]bool{}, addresses: map[string]bool{}}
	for product, s := range states {
		if s == nil {
			continue
		}
		for _, i := range s.Instances() {
			if i.Mode != "managed" {
				continue
			}
			known.addresses[product+" "+i.Address] = true
			var a struct {
				ARN     string `json:"arn"`
				ID      string `json:"id"`
				KeyPair string `json:"key_pair_id"`
				Root    []struct {
					Volume string `json:"volume_id"`
				} `json:"root_block_device"`
				Interface string `json:"primary_network_interface_id"`
			}
			// Attributes of other types than these are of resources that have none of
			// them: what could be decoded counts.
			_ = json.Unmarshal(i.Attributes, &a)
			known.add(i.Type, a.ARN, a.ID, a.KeyPair)
			for _, root := range a.Root {
				known.add("aws_ebs_volume", root.Volume)
			}
			known.add("aws_network_interface", a.Interface)
		}
	}
	return known
}

func (k ids) add(kind string, names ...string) {
	for _, name := range names {
		if name == "" {
			continue
		}
		k.arns[bare(name)] = true
		k.typed[kind+" "+name] = true
		k.any[name] = true
	}
}

// has tells whether a state knows the resource. Names are unique within a type
// only: a role and its profile are called the same.
func (k ids) has(r Resource) bool {
	if r.ARN != "" && k.arns[bare(r.ARN)] {
		return true
	}
	if r.ID == "" {
		return false
	}
	if r.Type == "" {
		return k.any[r.ID]
	}
	for _, kind := range append(twins(r.Type), r.Type) {
		if k.typed[kind+" "+r.ID] {
			return true
		}
	}
	return false
}

// twins are types that AWS does not tell apart.
func twins(kind string) []string {
	switch kind {
	case "aws_vpc_security_group_ingress_rule":
		return []string{"aws_vpc_security_group_egress_rule", "aws_security_group_rule"}
	case "aws_route_table":
		return []string{"aws_default_route_table"}
	case "aws_security_group":
		return []string{"aws_default_security_group"}
	case "aws_vpc":
		return []string{"aws_default_vpc"}
	default:
		return nil
	}
}

// bare is an ARN as every API writes it: some end those of log groups in `:*`.
func bare(arn string) string { return strings.TrimSuffix(arn, ":*") }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
