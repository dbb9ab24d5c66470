package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// groups maps each layer that has hosts or variables to its subgroups
// (<layer>_<role>), and each subgroup to its hosts.
func (inv *Inventory) groups() map[string]map[string][]Host {
	layers := map[string]map[string][]Host{}
	for group := range inv.groupVars {
		if group != "all" {
			layers[group] = map[string][]Host{}
		}
	}
	for _, h := range inv.hosts {
		if layers[h.Layer] == nil {
			layers[h.Layer] = map[string][]Host{}
		}
		subgroup := h.Layer + "_" + h.Role
		layers[h.Layer][subgroup] = append(layers[h.Layer][subgroup], h)
	}
	return layers
}

// vars of the group "all": those of the state and infra's own.
func (inv *Inventory) allVars() map[string]any {
	vars := map[string]any{}
	for name, value := range inv.groupVars["all"] {
		vars[name] = value
	}
	vars["infra_environment"] = inv.common.Environment
	vars["infra_region"] = inv.common.Region
	vars["ansible_user"] = inv.common.User
	vars["ansible_python_interpreter"] = "/usr/bin/python3"
	return vars
}

// hostVars are the variables of one host.
func hostVars(h Host) map[string]any {
	volumes := map[string]any{}
	for purpose, id := range h.Volumes {
		volumes[purpose] = id
	}
	return map[string]any{
		"ansible_host":          h.PrivateAddress,
		"infra_name":            h.Name,
		"infra_layer":           h.Layer,
		"infra_role":            h.Role,
		"infra_number":          json.Number(strconv.Itoa(h.Number)),
		"infra_zone":            h.Zone,
		"infra_volumes":         volumes,
		"infra_private_address": h.PrivateAddress,
	}
}

// YAML is the static inventory: the same bytes for the same hosts, every
// string value marked `!unsafe`.
func (inv *Inventory) YAML() []byte {
	layers := inv.groups()
	children := mapping()
	for _, layer := range sortedKeys(layers) {
		subgroups := mapping()
		for _, subgroup := range sortedKeys(layers[layer]) {
			hosts := mapping()
			for _, h := range layers[layer][subgroup] {
				put(hosts, h.ID, unsafeNode(hostVars(h)))
			}
			group := mapping()
			put(group, "hosts", hosts)
			put(subgroups, subgroup, group)
		}
		group := mapping()
		if vars := inv.groupVars[layer]; len(vars) > 0 {
			put(group, "vars", unsafeNode(vars))
		}
		put(group, "children", subgroups)
		put(children, layer, group)
	}
	all := mapping()
	put(all, "vars", unsafeNode(inv.allVars()))
	put(all, "children", children)
	root := mapping()
	put(root, "all", all)

	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		panic(fmt.Sprintf("inventory: a tree of our own scalars must encode: %v", err))
	}
	return out.Bytes()
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func put(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// unsafeNode is a JSON value as YAML, its strings marked as data.
func unsafeNode(value any) *yaml.Node {
	switch v := value.(type) {
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!unsafe", Style: yaml.DoubleQuotedStyle | yaml.TaggedStyle, Value: v}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case json.Number:
		tag := "!!float"
		if _, err := v.Int64(); err == nil {
			tag = "!!int"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	case []any:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, each := range v {
			list.Content = append(list.Content, unsafeNode(each))
		}
		return list
	case map[string]any:
		m := mapping()
		for _, key := range sortedKeys(v) {
			put(m, key, unsafeNode(v[key]))
		}
		return m
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
}

// List is the answer to Ansible's `--list`: groups with their variables and
// all host variables under _meta, so that `--host` is never needed.
func (inv *Inventory) List() []byte {
	hostvars := map[string]any{}
	for _, h := range inv.hosts {
		hostvars[h.ID] = unsafeValue(hostVars(h))
	}
	layers := inv.groups()
	document := map[string]any{
		"_meta": map[string]any{"hostvars": hostvars},
		"all":   map[string]any{"children": sortedKeys(layers), "vars": unsafeValue(inv.allVars())},
	}
	for layer, subgroups := range layers {
		group := map[string]any{"children": sortedKeys(subgroups)}
		if vars := inv.groupVars[layer]; len(vars) > 0 {
			group["vars"] = unsafeValue(vars)
		}
		document[layer] = group
		for subgroup, hosts := range subgroups {
			ids := make([]string, 0, len(hosts))
			for _, h := range hosts {
				ids = append(ids, h.ID)
			}
			document[subgroup] = map[string]any{"hosts": ids}
		}
	}
	return indented(document)
}

// Host is the answer to Ansible's `--host ID`. The id may also be the host's
// name; an unknown host is a usage error.
func (inv *Inventory) Host(id string) ([]byte, error) {
	h, err := inv.Find(id)
	if err != nil {
		return nil, err
	}
	return indented(unsafeValue(hostVars(h))), nil
}

// unsafeValue wraps every string of a JSON value the way Ansible's own JSON
// marks data that is never a template.
func unsafeValue(value any) any {
	switch v := value.(type) {
	case string:
		return map[string]any{"__ansible_unsafe": v}
	case []any:
		list := make([]any, 0, len(v))
		for _, each := range v {
			list = append(list, unsafeValue(each))
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, each := range v {
			m[key] = unsafeValue(each)
		}
		return m
	default:
		return v
	}
}

func indented(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("inventory: a tree of our own values must encode: %v", err))
	}
	return slices.Clip(out.Bytes())
}
