package inventory

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Outputs are what the outputs of a product say of its hosts.
type Outputs struct {
	Known     bool                      // they say which hosts there are, if only that there are none
	Hosts     []Host                    // of all layers
	Variables map[string]map[string]any // of Ansible, by layer
}

// The outputs of all layers together, as an older infra wrote them.
const (
	formerHosts     = "hosts"
	formerVariables = "group_vars"
)

// Read takes hosts and variables from the outputs of a product: the output of
// a layer is named as the layer is, and has them as `hosts` and `group_vars`.
// One output a layer keeps them true when some layers alone are applied:
// Terraform writes only outputs of which everything was selected. A layer
// whose output has none is as the former outputs of those names say; they go
// when the product is next applied whole.
func Read(outputs map[string]json.RawMessage) (Outputs, error) {
	read := Outputs{Variables: map[string]map[string]any{}}
	told := map[string]bool{}
	for _, name := range sortedKeys(outputs) {
		var members map[string]json.RawMessage
		if name == formerHosts || name == formerVariables || json.Unmarshal(outputs[name], &members) != nil {
			continue
		}
		list, ok := members["hosts"]
		if !ok {
			continue
		}
		told[name] = true
		hosts, err := Decode(list)
		if err != nil {
			return Outputs{}, fmt.Errorf("output %s: %w", name, err)
		}
		read.Hosts = append(read.Hosts, hosts...)
		if vars, ok := members["group_vars"]; ok {
			if err := read.variables(name, vars); err != nil {
				return Outputs{}, err
			}
		}
	}
	former, ok := outputs[formerHosts]
	read.Known = ok || len(told) > 0
	if err := read.former(former, outputs[formerVariables], told); err != nil {
		return Outputs{}, err
	}
	return read, nil
}

// former adds what the outputs of all layers together say of layers that do
// not tell of themselves.
func (o *Outputs) former(list, variables json.RawMessage, told map[string]bool) error {
	hosts, err := Decode(list)
	if err != nil {
		return err
	}
	o.Hosts = append(o.Hosts, slices.DeleteFunc(hosts, func(h Host) bool { return told[h.Layer] })...)
	groups := map[string]json.RawMessage{}
	if len(variables) > 0 {
		if err := json.Unmarshal(variables, &groups); err != nil {
			return fmt.Errorf("the group_vars output is not a map of groups: %w", err)
		}
	}
	for group, vars := range groups {
		if told[group] {
			continue
		}
		if err := o.variables(group, vars); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outputs) variables(group string, raw json.RawMessage) error {
	vars := map[string]any{}
	if err := json.Unmarshal(raw, &vars); err != nil {
		return fmt.Errorf("the variables of group %s are not a map: %w", group, err)
	}
	o.Variables[group] = vars
	return nil
}

// Variables are those of a layer, as the outputs of a product say; the zero
// value without any.
func Variables[T any](outputs map[string]json.RawMessage, layer string) (v T, err error) {
	read, err := Read(outputs)
	if err != nil {
		return v, err
	}
	raw, err := json.Marshal(read.Variables[layer])
	if err != nil {
		return v, fmt.Errorf("variables of group %s: %w", layer, err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("variables of group %s: %w", layer, err)
	}
	return v, nil
}
