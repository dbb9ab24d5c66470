package state

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// providerForm is a provider's address in a state, with the module that
// configures it and its alias.
var providerForm = regexp.MustCompile(`^(?:module\..+\.)?provider\["([A-Za-z0-9.-]+(?::[0-9]+)?/[^/"\s]+/[^/"\s]+)"\](?:\.[A-Za-z_][A-Za-z0-9_-]*)?$`)

// resources checks every resource: its mode, type, name, module and provider,
// that neither it nor an instance is there twice, and that what its instances
// depend on is there too.
func (c *checker) resources(root node) {
	list, ok := c.optional(root, "", "resources", "[", "a list")
	if !ok {
		return
	}
	seen, present := map[string]bool{}, map[string]bool{}
	for i, r := range list.children {
		path := fmt.Sprintf("resources[%d]", i)
		if !c.want(r, path, "{", "an object") {
			continue
		}
		c.names(r, path, "module", "mode", "type", "name", "each", "provider", "instances")
		address, ok := c.resource(r, path)
		if p, right := c.member(r, path, "provider", `"`, "the address of a provider"); right && !providerForm.MatchString(p.text) {
			c.add(p, path+".provider", `%q is no provider: it must look like provider["registry.terraform.io/hashicorp/aws"]`, p.text)
		}
		if ok {
			if seen[address] {
				c.add(r, path, "%s is there twice", address)
			}
			seen[address] = true
			present[withoutKeys(address)] = true
		}
	}
	for i, r := range list.children {
		if r.kind == '{' {
			c.instances(r, fmt.Sprintf("resources[%d]", i), present)
		}
	}
}

// resource checks what names a resource and gives its address.
func (c *checker) resource(r node, path string) (address string, ok bool) {
	mode, okMode := c.member(r, path, "mode", `"`, "managed or data")
	if okMode && mode.text != managed && mode.text != data {
		c.add(mode, path+".mode", "it is %q, it can be managed or data", mode.text)
		okMode = false
	}
	kind, okKind := c.member(r, path, "type", `"`, "the resource's type")
	name, okName := c.member(r, path, "name", `"`, "the resource's name")
	for _, n := range []struct {
		node
		called string
		given  *bool
	}{{kind, "type", &okKind}, {name, "name", &okName}} {
		if *n.given && !identifier(n.text) {
			c.add(n.node, path+"."+n.called, "%q cannot be a %s", n.text, n.called)
			*n.given = false
		}
	}
	module, given := c.optional(r, path, "module", `"`, "a module's address")
	if given && !moduleAddress(module.text) {
		c.add(module, path+".module", `%q is no module: it must look like module.vpc or module.emr["blue"]`, module.text)
		return "", false
	}
	return resourceAddress(module.text, mode.text, kind.text, name.text), okMode && okKind && okName
}

// instances checks the instances of one resource.
func (c *checker) instances(r node, path string, present map[string]bool) {
	list, ok := c.member(r, path, "instances", "[", "a list")
	if !ok {
		return
	}
	seen := map[string]bool{}
	for i, n := range list.children {
		at := fmt.Sprintf("%s.instances[%d]", path, i)
		if !c.want(n, at, "{", "an object") {
			continue
		}
		c.names(n, at, "index_key", "status", "deposed", "schema_version", "attributes", "attributes_flat", "sensitive_attributes",
			"identity_schema_version", "identity", "private", "dependencies", "create_before_destroy")
		if v, ok := c.member(n, at, "schema_version", "0", "a whole number"); ok {
			if _, err := strconv.ParseUint(v.text, 10, 64); err != nil {
				c.add(v, at+".schema_version", "it must be a whole number that is not negative")
			}
		}
		if v, ok := c.optional(n, at, "status", `"`, "a text"); ok && v.text != "" && v.text != "tainted" {
			c.add(v, at+".status", "it is %q, it can be tainted or missing", v.text)
		}
		c.optional(n, at, "attributes", "{", "an object")
		c.optional(n, at, "sensitive_attributes", "[", "a list")
		c.optional(n, at, "private", `"`, "a text")
		c.optional(n, at, "create_before_destroy", "b", "true or false")
		key := c.instanceKey(n, at)
		if seen[key] {
			c.add(n, at, "the instance %s is there twice", key)
		}
		seen[key] = true
		c.dependencies(n, at, present)
	}
}

// instanceKey tells an instance from the others of its resource.
func (c *checker) instanceKey(n node, path string) string {
	key := ""
	if v, ok := c.optional(n, path, "index_key", `"0`, "a number or a text"); ok {
		key = "[" + v.text + "]"
		if v.kind == '"' {
			key = "[" + quoted(v.text) + "]"
		} else if _, err := strconv.ParseUint(v.text, 10, 63); err != nil {
			c.add(v, path+".index_key", "%s is no place in a list", v.text)
		}
	}
	if v, ok := c.optional(n, path, "deposed", `"`, "a text"); ok {
		key += deposed(v.text)
	}
	return key
}

// dependencies warns about what an instance depends on and is not there. A
// refresh mends it; until then Terraform may destroy in the wrong order.
func (c *checker) dependencies(n node, path string, present map[string]bool) {
	list, ok := c.optional(n, path, "dependencies", "[", "a list")
	if !ok {
		return
	}
	for i, d := range list.children {
		at := fmt.Sprintf("%s.dependencies[%d]", path, i)
		switch {
		case !c.want(d, at, `"`, "an address"):
		case strings.ContainsAny(d.text, " \t\n") || !strings.Contains(d.text, "."):
			c.add(d, at, "%q is no address of a resource", d.text)
		case !present[d.text]:
			c.warn(d, at, "it depends on %s, which is not in the state", d.text)
		}
	}
}

// moduleAddress tells whether text is the address of a module in a state.
func moduleAddress(text string) bool {
	for text != "" {
		rest, ok := strings.CutPrefix(text, "module.")
		if !ok {
			return false
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			return identifier(rest)
		}
		if !identifier(rest[:end]) {
			return false
		}
		rest = rest[end:]
		if rest[0] == '[' {
			if end = closing(rest); end < 0 {
				return false
			}
			if rest = rest[end+1:]; rest == "" {
				return true
			}
		}
		if text, ok = strings.CutPrefix(rest, "."); !ok {
			return false
		}
	}
	return false
}

// closing is the offset of the bracket that closes the one at the start of
// text; -1 when there is none.
func closing(text string) int {
	inside := false
	for i := 1; i < len(text); i++ {
		switch {
		case inside && text[i] == '\\':
			i++
		case text[i] == '"':
			inside = !inside
		case text[i] == ']' && !inside:
			return i
		}
	}
	return -1
}

// withoutKeys leaves the instance keys out of an address, as dependencies are
// written.
func withoutKeys(address string) string {
	var out []byte
	for i := 0; i < len(address); i++ {
		if address[i] == '[' {
			if end := closing(address[i:]); end > 0 {
				i += end
				continue
			}
		}
		out = append(out, address[i])
	}
	return string(slices.Clip(out))
}
