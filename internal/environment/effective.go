package environment

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Effective is the value of one setting, inherited, given or by default.
type Effective struct {
	Path  string // products.pipeline.vpc.nat
	Value string // a text as it is, anything else as JSON
	Place Place  // the zero Place: it is a default
	Own   bool   // it belongs to this environment alone: another's differs by nature
}

// own are the settings that no two environments need have alike.
func own() []string {
	return []string{
		"extends", "account", "region", "endpoint", "role", "role.arn", "role.external_id", "state.bucket", "ssh.public_keys",
		"products.baseline.ci.repository", "products.pipeline.vpc.cidr", "products.pipeline.vpc.zone_name",
	}
}

// Effective is every setting with the place that it comes from.
func (e *Environment) Effective() []Effective {
	var all []Effective
	var walk func(block reflect.Value, path string)
	add := func(path, value string) {
		at, given := e.Origin(path)
		if !given {
			at = Place{}
		}
		all = append(all, Effective{Path: path, Value: value, Place: at, Own: slices.Contains(own(), path)})
	}
	walk = func(block reflect.Value, path string) {
		for _, r := range rulesOf(block.Type()) {
			at, field := join(path, r.name), block.Field(r.index)
			if r.optional() {
				if field.IsNil() {
					add(at, "none")
					continue
				}
				add(at, "set")
				field = field.Elem()
			}
			switch field.Kind() {
			case reflect.Struct:
				walk(field, at)
			case reflect.Map:
				for _, key := range slices.SortedFunc(slices.Values(field.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
					add(join(at, key.String()), field.MapIndex(key).String())
				}
			case reflect.String:
				add(at, field.String())
			case reflect.Int:
				add(at, strconv.FormatInt(field.Int(), 10))
			case reflect.Bool:
				add(at, strconv.FormatBool(field.Bool()))
			default:
				text, err := json.Marshal(field.Interface())
				if err != nil {
					panic(err) // settings hold plain values only
				}
				add(at, string(text))
			}
		}
	}
	walk(reflect.ValueOf(e.Settings()), "")
	return all
}
