package guard

import (
	"slices"
	"strings"
)

// parsed is a resource address taken apart.
type parsed struct {
	modules []string // names of the modules on the way, without their keys
	kind    string   // resource type
	keys    []string // content of every [..] on the way, without quotes
	data    bool     // a data source
}

// parse takes a Terraform resource address apart; false when it is none. A
// key may hold anything, dots and brackets too.
func parse(address string) (parsed, bool) {
	names, keys, ok := split(address)
	if !ok {
		return parsed{}, false
	}
	var p parsed
	p.keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "" })
	for len(names) >= 2 && names[0] == "module" {
		p.modules = append(p.modules, names[1])
		names = names[2:]
	}
	if len(names) == 3 && names[0] == "data" {
		p.data = true
		names = names[1:]
	}
	if len(names) != 2 {
		return parsed{}, false
	}
	p.kind = names[0]
	return p, true
}

// split cuts an address at the dots outside of brackets into names, each with
// the key that follows it in brackets, if any.
func split(address string) (names, keys []string, ok bool) {
	rest := address
	for {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		name, key := rest[:end], ""
		rest = rest[end:]
		if name == "" {
			return nil, nil, false
		}
		if strings.HasPrefix(rest, "[") {
			length := keyLength(rest)
			if length == 0 {
				return nil, nil, false
			}
			key, rest = strings.Trim(rest[1:length-1], `"`), rest[length:]
		}
		names, keys = append(names, name), append(keys, key)
		if rest == "" {
			return names, keys, true
		}
		if rest[0] != '.' {
			return nil, nil, false
		}
		rest = rest[1:]
	}
}

// keyLength is the length of the [..] that text starts with, 0 when it does
// not end. Quoted text may hold anything, with \ before a quote.
func keyLength(text string) int {
	quoted := false
	for i := 1; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ']' && !quoted:
			return i + 1
		}
	}
	return 0
}
