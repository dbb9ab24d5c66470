package environment

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// rules are one setting's tags.
type rules struct {
	name       string
	index      int // of the field in its struct
	kind       reflect.Type
	doc        string
	standard   string // the default, as YAML
	hasDefault bool
	enum       []string
	format     string
	min, max   string // empty: no bound
	unique     bool
	required   bool
}

// rulesOf are the settings of a struct, in its order.
func rulesOf(kind reflect.Type) []rules {
	out := make([]rules, 0, kind.NumField())
	for i := range kind.NumField() {
		f := kind.Field(i)
		r := rules{
			name:     f.Tag.Get("json"),
			index:    i,
			kind:     f.Type,
			doc:      f.Tag.Get("doc"),
			format:   f.Tag.Get("format"),
			min:      f.Tag.Get("min"),
			max:      f.Tag.Get("max"),
			unique:   f.Tag.Get("unique") == "true",
			required: f.Tag.Get("required") == "true",
		}
		r.standard, r.hasDefault = f.Tag.Lookup("default")
		if enum := f.Tag.Get("enum"); enum != "" {
			r.enum = strings.Split(enum, ",")
		}
		out = append(out, r)
	}
	return out
}

// find is the rules of a key.
func find(all []rules, key string) (rules, bool) {
	i := slices.IndexFunc(all, func(r rules) bool { return r.name == key })
	if i < 0 {
		return rules{}, false
	}
	return all[i], true
}

func names(all []rules) []string {
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = r.name
	}
	return out
}

// optional says that the setting may be null: a block that can be absent.
func (r rules) optional() bool { return r.kind.Kind() == reflect.Pointer }

// block is the struct type of a setting that is a map of settings.
func (r rules) block() (reflect.Type, bool) {
	kind := r.kind
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return kind, kind.Kind() == reflect.Struct
}

// outside says in which way n breaks the bounds; empty when it does not.
// Bounds come from tags, which a test reads, so that they are numbers.
func (r rules) outside(n int) string {
	if low, err := strconv.Atoi(r.min); err == nil && n < low {
		return "at least " + r.min
	}
	if high, err := strconv.Atoi(r.max); err == nil && n > high {
		return "at most " + r.max
	}
	return ""
}

// homes are the paths of the maps that have a setting called key.
func homes(kind reflect.Type, key, path string) []string {
	var out []string
	for _, r := range rulesOf(kind) {
		if r.name == key {
			out = append(out, path)
		}
		if block, ok := r.block(); ok {
			out = append(out, homes(block, key, join(path, r.name))...)
		}
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
