// Package inventory turns what a product's state says about its hosts into an
// Ansible inventory. It is pure: no network, no files, no clock.
//
// The one danger is that a string which somebody wrote into the cloud (a tag,
// a name, an address) reaches Ansible as a template and runs on the
// controller. Three things stand in its way: Ansible's host name is the
// instance id, every string must match a strict pattern, and every string is
// handed over as data that Ansible never templates (`!unsafe` in YAML,
// `__ansible_unsafe` in JSON).
package inventory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"infra/internal/fault"
)

// Common is what is said of all hosts of an environment.
type Common struct {
	Environment string // name of the environment
	Region      string // AWS region
	User        string // account on the hosts that Ansible logs in as
}

// Inventory is a checked set of hosts, their groups and variables. It does
// not change after New.
type Inventory struct {
	common    Common
	hosts     []Host
	groupVars map[string]map[string]any
}

// New checks hosts and variables and builds the inventory. groupVars are the
// variables by group; the groups are "all" or layers, also of layers without
// hosts. An error names the offending host or
// variable.
func New(hosts []Host, groupVars map[string]map[string]any, common Common) (*Inventory, error) {
	op := "build the inventory of environment " + common.Environment
	const hint = "the state's outputs are not as the product writes them: run infra apply again, or compare with infra output"
	inv := &Inventory{common: common, hosts: slices.Clone(hosts)}
	shapes := newPatterns()
	for i := range inv.hosts {
		if err := shapes.check(&inv.hosts[i]); err != nil {
			return nil, fault.New(fault.Failed, op, fmt.Errorf("host %d of %d: %w", i+1, len(hosts), err), hint)
		}
	}
	if err := distinct(inv.hosts); err != nil {
		return nil, fault.New(fault.Failed, op, err, hint)
	}
	slices.SortFunc(inv.hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Number, b.Number))
	})
	vars, err := checkVars(groupVars, shapes, common)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, hint)
	}
	inv.groupVars = vars
	return inv, nil
}

// Common is what New was told.
func (inv *Inventory) Common() Common { return inv.common }

// Hosts are all hosts by layer and number.
func (inv *Inventory) Hosts() []Host { return slices.Clone(inv.hosts) }

// Layer are the hosts of one layer by number; none is not an error.
func (inv *Inventory) Layer(layer string) []Host {
	var found []Host
	for _, h := range inv.hosts {
		if h.Layer == layer {
			found = append(found, h)
		}
	}
	return found
}

// Bastion is the host through which the others are reached, if there is one.
func (inv *Inventory) Bastion() (Host, bool) {
	for _, h := range inv.hosts {
		if h.IsBastion() {
			return h, true
		}
	}
	return Host{}, false
}

// Find is the host of that name, instance id or private address. The error
// lists the names there are.
func (inv *Inventory) Find(key string) (Host, error) {
	names := make([]string, 0, len(inv.hosts))
	for _, h := range inv.hosts {
		if key != "" && (key == h.Name || key == h.ID || key == h.PrivateAddress) {
			return h, nil
		}
		names = append(names, h.Name)
	}
	known := "it has no hosts"
	if len(names) > 0 {
		known = "its hosts are " + strings.Join(names, ", ")
	}
	return Host{}, fault.New(fault.Usage, "find host "+show(key)+" in environment "+inv.common.Environment,
		fmt.Errorf("no such host; %s", known), "infra hosts "+inv.common.Environment)
}

// checkVars copies the variables into plain JSON values and refuses what
// could change how Ansible reaches or addresses hosts.
func checkVars(groupVars map[string]map[string]any, shapes patterns, common Common) (map[string]map[string]any, error) {
	variable := regexp.MustCompile(`^[a-z][a-z0-9_]{0,80}$`)
	checked := map[string]map[string]any{}
	for _, group := range sortedKeys(groupVars) {
		if !shapes.group.MatchString(group) {
			return nil, fmt.Errorf("group %s is not of the form %s", show(group), shapes.group)
		}
		raw, err := json.Marshal(groupVars[group])
		if err != nil {
			return nil, fmt.Errorf("variables of group %s: %w", group, err)
		}
		vars := map[string]any{}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&vars); err != nil {
			return nil, fmt.Errorf("variables of group %s: %w", group, err)
		}
		for _, name := range sortedKeys(vars) {
			if !variable.MatchString(name) {
				return nil, fmt.Errorf("variable %s of group %s is not of the form %s", show(name), group, variable)
			}
			own := group == "all" && name == "infra_environment" && vars[name] == common.Environment ||
				group == "all" && name == "infra_region" && vars[name] == common.Region
			if !own && (strings.HasPrefix(name, "ansible_") || strings.HasPrefix(name, "infra_")) {
				return nil, fmt.Errorf("variable %s of group %s: names that begin with ansible_ or infra_ are set by infra alone", name, group)
			}
			if err := checkValue(vars[name]); err != nil {
				return nil, fmt.Errorf("variable %s of group %s: %w", name, group, err)
			}
		}
		checked[group] = vars
	}
	return checked, nil
}

func checkValue(value any) error {
	switch v := value.(type) {
	case string:
		return text(v)
	case []any:
		for _, each := range v {
			if err := checkValue(each); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if err := checkKey(key); err != nil {
				return err
			}
			if err := checkValue(v[key]); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

// checkKey refuses keys of nested maps that hold more than a plain word,
// because keys cannot be marked as data.
func checkKey(key string) error {
	if key == "" || len(key) > 128 || strings.HasPrefix(key, "__ansible") {
		return fmt.Errorf("key %s is refused", show(key))
	}
	for _, r := range key {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./: ", r)
		if !plain {
			return fmt.Errorf("key %s holds %q", show(key), r)
		}
	}
	return nil
}
