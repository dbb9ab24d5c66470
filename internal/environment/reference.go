package environment

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Reference is the table of every key in Markdown, as environments/README.md
// has it.
func Reference() (string, error) {
	var out strings.Builder
	out.WriteString("| key | values | default | meaning |\n|---|---|---|---|\n")
	err := describe(&out, reflect.TypeFor[Settings](), makeFormats(), "")
	return out.String(), err
}

func describe(out *strings.Builder, block reflect.Type, formats map[string]format, path string) error {
	for _, r := range rulesOf(block) {
		at := join(path, r.name)
		standard, err := r.defaultText()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", at, cell(r.values(formats)), cell(standard), cell(r.doc))
		if inner, ok := r.block(); ok {
			if err := describe(out, inner, formats, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// values says in words what may be given.
func (r rules) values(formats map[string]format) string {
	if _, ok := r.block(); ok {
		if r.optional() {
			return "map or null"
		}
		return "map"
	}
	each := "text"
	switch {
	case len(r.enum) > 0:
		each = "`" + strings.Join(r.enum, "`, `") + "`"
	case r.format != "":
		each = formats[r.format].says
	}
	switch r.kind.Kind() {
	case reflect.Slice:
		return "list of: " + each + between(r, " entries")
	case reflect.Map:
		return "map of texts"
	case reflect.Bool:
		return "`true`, `false`"
	case reflect.Int:
		if len(r.enum) > 0 {
			return each
		}
		return "whole number" + between(r, "")
	default:
		return each
	}
}

func between(r rules, what string) string {
	switch r.min {
	case "":
		return ""
	case r.max:
		return "; " + r.min + what
	default:
		return "; " + r.min + " to " + r.max + what
	}
}

func (r rules) defaultText() (string, error) {
	if r.required {
		return "required", nil
	}
	if !r.hasDefault {
		return "", nil
	}
	value, err := r.defaultValue()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("default of %s: %w", r.name, err)
	}
	if string(text) == `""` {
		return "", nil
	}
	return "`" + strings.ReplaceAll(string(text), ",", ", ") + "`", nil
}

// cell makes text fit between the bars of a table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(text)
}
