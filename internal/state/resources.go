package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Instance is one instance of a resource in a state.
type Instance struct {
	Address      string // module.emr["blue"].aws_emr_cluster.this[0]
	Mode         string // managed or data
	Type         string
	Provider     string          // provider["registry.terraform.io/hashicorp/aws"]
	Deposed      string          // the key of an object that waits to be destroyed
	Tainted      bool            // it will be replaced at the next apply
	ID           string          // the attribute id, empty when there is none
	Attributes   json.RawMessage // secrets are in clear; Shown masks them
	Dependencies []string

	sensitive []json.RawMessage // paths of attributes that Terraform calls sensitive
	secrets   map[string]bool   // of the whole state, see hideCopies
}

// Instances are all instances, in the state's order. What cannot be
// understood is left out: Check names it.
func (s *State) Instances() []Instance {
	var document struct {
		Resources []struct {
			Module    string            `json:"module"`
			Mode      string            `json:"mode"`
			Type      string            `json:"type"`
			Name      string            `json:"name"`
			Provider  string            `json:"provider"`
			Instances []json.RawMessage `json:"instances"`
		} `json:"resources"`
	}
	if json.Unmarshal(s.Raw, &document) != nil {
		return nil
	}
	var instances []Instance
	for _, r := range document.Resources {
		address := resourceAddress(r.Module, r.Mode, r.Type, r.Name)
		for _, raw := range r.Instances {
			var in struct {
				Index        any               `json:"index_key"`
				Deposed      string            `json:"deposed"`
				Status       string            `json:"status"`
				Attributes   json.RawMessage   `json:"attributes"`
				Sensitive    []json.RawMessage `json:"sensitive_attributes"`
				Dependencies []string          `json:"dependencies"`
			}
			decoder := json.NewDecoder(bytes.NewReader(raw))
			decoder.UseNumber()
			if decoder.Decode(&in) != nil {
				continue
			}
			i := Instance{
				Address: address + indexKey(in.Index) + deposed(in.Deposed), Mode: r.Mode, Type: r.Type, Provider: r.Provider,
				Deposed: in.Deposed, Tainted: in.Status == "tainted", Attributes: in.Attributes, Dependencies: in.Dependencies, sensitive: in.Sensitive,
			}
			var named struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(in.Attributes, &named) == nil {
				i.ID = named.ID
			}
			instances = append(instances, i)
		}
	}
	hideCopies(instances, s.Outputs)
	return instances
}

// Addresses are the addresses of all instances, in the state's order.
func (s *State) Addresses() []string {
	instances := s.Instances()
	addresses := make([]string, 0, len(instances))
	for _, i := range instances {
		addresses = append(addresses, i.Address)
	}
	return addresses
}

// Find is what an address names: an instance, all instances of a resource, or
// everything in a module. The quotes of keys may be left out, since shells
// take them away.
func (s *State) Find(address string) []Instance {
	wanted := bare(address)
	var found []Instance
	for _, i := range s.Instances() {
		rest, ok := strings.CutPrefix(bare(i.Address), wanted)
		if ok && wanted != "" && (rest == "" || strings.IndexByte(".[ ", rest[0]) >= 0) {
			found = append(found, i)
		}
	}
	return found
}

func bare(address string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(address) }

func resourceAddress(module, mode, kind, name string) string {
	address := kind + "." + name
	if mode == data {
		address = "data." + address
	}
	if module != "" {
		address = module + "." + address
	}
	return address
}

// indexKey writes the key of an instance as it stands in an address.
func indexKey(key any) string {
	switch k := key.(type) {
	case nil:
		return ""
	case string:
		return "[" + quoted(k) + "]"
	default:
		return fmt.Sprintf("[%v]", k)
	}
}

func deposed(key string) string {
	if key == "" {
		return ""
	}
	return " (deposed " + key + ")"
}
