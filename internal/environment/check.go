package environment

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"infra/internal/spelling"
)

// checker compares one file's tree with the types of the settings.
type checker struct {
	formats  map[string]format
	problems Problems
	bad      map[string]bool // paths with a problem
}

func (c *checker) refuse(at Place, path, format string, args ...any) bool {
	c.problems = append(c.problems, Problem{at, fmt.Sprintf(format, args...)})
	c.bad[path] = true
	return false
}

// block checks a map against a struct and drops what is wrong from it, so
// that what remains can be decoded and looked at further.
func (c *checker) block(t *tree, kind reflect.Type, path string) bool {
	if t.kind != yaml.MappingNode {
		return c.refuse(t.place, path, "%s must be a map of settings, not %s", title(path), t.what())
	}
	all := rulesOf(kind)
	for _, key := range slices.Clone(t.keys) {
		r, known := find(all, key)
		if !known {
			c.unknown(t.fields[key].place, key, path, all)
		}
		if !known || !c.value(t.fields[key].value, r, join(path, key)) {
			delete(t.fields, key)
			t.keys = slices.DeleteFunc(t.keys, func(k string) bool { return k == key })
		}
	}
	return true
}

// unknown says what was probably meant, the nearest key here or the map that
// does have such a key, and the keys that may be here.
func (c *checker) unknown(at Place, key, path string, all []rules) {
	hint := spelling.Suggest(key, names(all))
	if found := homes(reflect.TypeFor[Settings](), key, ""); hint == "" && len(found) == 1 {
		hint = "; it belongs " + where(found[0])
	}
	c.refuse(at, join(path, key), "unknown key %s %s%s (keys here: %s)", quoted(key), where(path), hint, strings.Join(names(all), ", "))
}

// value checks one setting; false when it has to be dropped.
func (c *checker) value(t *tree, r rules, path string) bool {
	if t.kind == yaml.ScalarNode && t.tag == "!!null" {
		if r.optional() {
			return true
		}
		return c.refuse(t.place, path, "%s has no value; give it one or leave the key out", path)
	}
	if block, ok := r.block(); ok {
		return c.block(t, block, path)
	}
	switch r.kind.Kind() {
	case reflect.Slice:
		return c.list(t, r, path)
	case reflect.Map:
		return c.tags(t, path)
	default:
		return c.scalar(t, r, r.kind.Kind(), path)
	}
}

func (c *checker) list(t *tree, r rules, path string) bool {
	if t.kind != yaml.SequenceNode {
		return c.refuse(t.place, path, "%s must be a list, not %s", path, t.what())
	}
	good := true
	first := make(map[string]*tree)
	for i, item := range t.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		entry := r
		entry.min, entry.max = "", ""
		if !c.scalar(item, entry, r.kind.Elem().Kind(), at) {
			good = false
			continue
		}
		if before, twice := first[item.text]; twice && r.unique {
			good = c.refuse(item.place, at, "%s is in %s twice; the first is on line %d", quoted(item.text), path, before.place.Line)
			continue
		}
		first[item.text] = item
	}
	if broken := r.outside(len(t.items)); good && broken != "" {
		return c.refuse(t.place, path, "%s must have %s entries, not %d", path, broken, len(t.items))
	}
	if !good {
		c.bad[path] = true
	}
	return good
}

// scalar checks a single value of the wanted kind.
func (c *checker) scalar(t *tree, r rules, kind reflect.Kind, path string) bool {
	if t.kind != yaml.ScalarNode {
		return c.refuse(t.place, path, "%s must be %s, not %s", path, kindWords(kind), t.what())
	}
	switch kind {
	case reflect.Bool:
		if t.tag != "!!bool" || (t.text != "true" && t.text != "false") {
			return c.refuse(t.place, path, "%s must be true or false, not %s", path, t.what())
		}
		return true
	case reflect.Int:
		n, err := strconv.Atoi(t.text)
		if t.tag != "!!int" || err != nil || strconv.Itoa(n) != t.text {
			return c.refuse(t.place, path, "%s must be a whole number, not %s", path, t.what())
		}
		if broken := r.outside(n); broken != "" {
			return c.refuse(t.place, path, "%s must be %s, not %d", path, broken, n)
		}
	default:
		if t.tag != "!!str" {
			return c.refuse(t.place, path, "%s must be a text, not %s; put it in quotes: %s", path, t.what(), quoted(t.text))
		}
		if !c.form(t, r.format, path) {
			return false
		}
	}
	if len(r.enum) > 0 && !slices.Contains(r.enum, t.text) {
		return c.refuse(t.place, path, "%s must be %s, not %s%s", path, oneOf(r.enum), quoted(t.text), spelling.Suggest(t.text, r.enum))
	}
	return true
}

func (c *checker) form(t *tree, name, path string) bool {
	f, ok := c.formats[name]
	if !ok {
		return true
	}
	instead := ""
	if !f.hidden {
		instead = ", not " + quoted(t.text)
	}
	if !f.pattern.MatchString(t.text) {
		return c.refuse(t.place, path, "%s must be %s%s", path, f.says, instead)
	}
	if f.refuses == nil {
		return true
	}
	if why := f.refuses(t.text); why != "" {
		if f.hidden {
			return c.refuse(t.place, path, "%s %s", path, why)
		}
		return c.refuse(t.place, path, "%s: %s %s", path, t.text, why)
	}
	return true
}
