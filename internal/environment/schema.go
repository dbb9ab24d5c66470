package environment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// SchemaFile is the committed schema, relative to the project; the first line
// of every environment file points editors to it.
const SchemaFile = Folder + "/schema.json"

// Schema is the JSON Schema (draft 2020-12) of an environment file, made from
// the types in settings.go. Nothing is required in it, because any file may
// inherit what it does not say. The text is the same each time; it depends on
// nothing but the program, so that an error is one of the types' tags, which
// a test finds, and panics.
func Schema() []byte {
	root, err := schemaOf(reflect.TypeFor[Settings](), makeFormats())
	if err != nil {
		panic(err)
	}
	root = append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "infra environment"},
		{"description", "One deployment target of infra: environments/<name>.yaml. Values that are left out are inherited through extends, or have the default."},
	}, root...)
	compact, err := root.MarshalJSON() // json.Marshal would escape < and >
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		panic(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		for _, part := range []any{m.name, m.value} {
			encoder := json.NewEncoder(&out)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(part); err != nil {
				return nil, fmt.Errorf("encode %s: %w", m.name, err)
			}
			out.Truncate(out.Len() - 1) // the encoder's line end
			out.WriteByte(':')
		}
		out.Truncate(out.Len() - 1)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// schemaOf is the schema of a map of settings.
func schemaOf(block reflect.Type, formats map[string]format) (object, error) {
	var properties object
	for _, r := range rulesOf(block) {
		s, err := r.schema(formats)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", r.name, err)
		}
		properties = append(properties, member{r.name, s})
	}
	return object{
		{"type", "object"},
		{"additionalProperties", false},
		{"properties", properties},
	}, nil
}

// schema is the schema of one setting.
func (r rules) schema(formats map[string]format) (object, error) {
	doc := r.doc
	if r.required {
		doc += " Required, here or inherited."
	}
	out := object{{"description", doc}}
	if block, ok := r.block(); ok {
		inner, err := schemaOf(block, formats)
		if err != nil {
			return nil, err
		}
		if r.optional() {
			inner[0] = member{"type", []string{"object", "null"}}
		}
		return append(out, inner...), nil
	}
	switch r.kind.Kind() {
	case reflect.Slice:
		out = append(out, member{"type", "array"}, member{"items", append(object{{"type", "string"}}, r.text(formats)...)})
		out = append(out, r.bounds("minItems", "maxItems")...)
		if r.unique {
			out = append(out, member{"uniqueItems", true})
		}
	case reflect.Map:
		out = append(out, member{"type", "object"}, member{"maxProperties", maxTags},
			member{"additionalProperties", object{{"type", "string"}, {"maxLength", maxTagValue}}})
	case reflect.Int:
		out = append(out, member{"type", "integer"})
		out = append(out, r.bounds("minimum", "maximum")...)
		if len(r.enum) > 0 {
			out = append(out, member{"enum", json.RawMessage("[" + strings.Join(r.enum, ",") + "]")})
		}
	case reflect.Bool:
		out = append(out, member{"type", "boolean"})
	default:
		out = append(append(out, member{"type", "string"}), r.text(formats)...)
	}
	if r.hasDefault {
		value, err := r.defaultValue()
		if err != nil {
			return nil, err
		}
		out = append(out, member{"default", value})
	}
	return out, nil
}

// text is what a text must look like.
func (r rules) text(formats map[string]format) object {
	switch {
	case len(r.enum) > 0:
		return object{{"enum", r.enum}}
	case r.format != "":
		return object{{"pattern", formats[r.format].pattern.String()}}
	default:
		return nil
	}
}

func (r rules) bounds(low, high string) object {
	var out object
	for _, b := range []struct{ key, text string }{{low, r.min}, {high, r.max}} {
		if n, err := strconv.Atoi(b.text); err == nil {
			out = append(out, member{b.key, n})
		}
	}
	return out
}

// defaultValue is the default as a Go value of the setting's type.
func (r rules) defaultValue() (any, error) {
	value := reflect.New(r.kind)
	if err := yaml.Unmarshal([]byte(r.standard), value.Interface()); err != nil {
		return nil, fmt.Errorf("default of %s: %w", r.name, err)
	}
	if r.kind.Kind() == reflect.String {
		return value.Elem().String(), nil
	}
	return value.Elem().Interface(), nil
}
