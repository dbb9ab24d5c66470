package environment

import (
	"fmt"
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"
)

// decoder fills settings from a checked tree and remembers where each value
// stands.
type decoder struct {
	places map[string]Place
}

// block fills a struct; t is nil where the files say nothing.
func (d *decoder) block(into reflect.Value, t *tree, path string) error {
	for _, r := range rulesOf(into.Type()) {
		var given *tree
		at := join(path, r.name)
		if t != nil {
			if f, ok := t.fields[r.name]; ok {
				given = f.value
				d.places[at] = f.value.place
				if f.value.kind != yaml.ScalarNode {
					d.places[at] = f.place
				}
			}
		}
		if err := d.value(into.Field(r.index), r, given, at); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) value(into reflect.Value, r rules, t *tree, path string) error {
	if block, ok := r.block(); ok {
		if !r.optional() {
			return d.block(into, t, path)
		}
		if t == nil || t.kind != yaml.MappingNode {
			return nil
		}
		into.Set(reflect.New(block))
		return d.block(into.Elem(), t, path)
	}
	if t == nil {
		if !r.hasDefault {
			return nil
		}
		if err := yaml.Unmarshal([]byte(r.standard), into.Addr().Interface()); err != nil {
			return fmt.Errorf("default of %s: %w", path, err)
		}
		return nil
	}
	switch into.Kind() {
	case reflect.Bool:
		into.SetBool(t.text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(t.text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		into.SetInt(int64(n))
	case reflect.Slice:
		list := make([]string, len(t.items))
		for i, item := range t.items {
			list[i] = item.text
			d.places[path+"["+strconv.Itoa(i)+"]"] = item.place
		}
		into.Set(reflect.ValueOf(list))
	case reflect.Map:
		texts := make(map[string]string, len(t.keys))
		for _, key := range t.keys {
			texts[key] = t.fields[key].value.text
			d.places[join(path, key)] = t.fields[key].place
		}
		into.Set(reflect.ValueOf(texts))
	default:
		into.SetString(t.text)
	}
	return nil
}
