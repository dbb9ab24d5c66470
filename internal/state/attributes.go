package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Masked stands where a sensitive value would.
const Masked = "(sensitive)"

// Attributes whose values are secret although no schema says so, and those of
// them that only name a secret: its ARN, id or path.
var (
	secretName = regexp.MustCompile(`(?i)(passw|passphrase|secret|token|private_?key|credential|access_?key|user_data)`)
	noSecret   = regexp.MustCompile(`(?i)(_arns?|_ids?|_names?|_paths?|_length|_version|_versions|_enabled|_days|_window|_replace_on_change|tokens)$`)
)

// Leaf is one value of an instance that holds no others.
type Leaf struct {
	Path      string // tags["Name"], ingress[0].from_port
	Value     string // JSON; Masked when Sensitive and not revealed
	Sensitive bool
}

// Leaves are an instance's values, by path. Sensitive ones are masked unless
// reveal is true.
func (i Instance) Leaves(reveal bool) []Leaf {
	m := i.mask()
	var leaves []Leaf
	m.flatten(decode(i.Attributes), "", false, func(l Leaf) {
		if l.Sensitive && !reveal {
			l.Value = Masked
		}
		leaves = append(leaves, l)
	})
	slices.SortFunc(leaves, func(a, b Leaf) int { return strings.Compare(a.Path, b.Path) })
	return leaves
}

// Shown is the attributes as JSON, sensitive values masked unless reveal is
// true.
func (i Instance) Shown(reveal bool) any {
	values := decode(i.Attributes)
	if reveal {
		return values
	}
	return i.mask().cover(values, "", false)
}

// decode keeps numbers as they are written.
func decode(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	return v
}

// mask knows which attributes of an instance are secret.
type mask struct {
	paths  map[string]bool // that the state calls sensitive
	copies map[string]bool // values that are secret wherever they stand
}

// newMask reads the paths of a state's sensitive_attributes: lists of steps
// {"type":"get_attr","value":NAME} and {"type":"index","value":{"value":KEY}}.
// A step that cannot be written as a path makes everything above it secret.
func newMask(sensitive []json.RawMessage) mask {
	m := mask{paths: map[string]bool{}}
	for _, raw := range sensitive {
		var steps []struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(raw, &steps) != nil {
			m.paths[""] = true
			continue
		}
		path := ""
		for _, step := range steps {
			value := decode(step.Value)
			if object, ok := value.(map[string]any); ok && step.Type == "index" {
				value = object["value"]
			}
			switch v := value.(type) {
			case string:
				path = join(path, v)
			case json.Number:
				path = fmt.Sprintf("%s[%s]", path, v)
			default:
				value = nil
			}
			if value == nil {
				break
			}
		}
		m.paths[path] = true
	}
	return m
}

// hides tells whether the value at a path is secret; name is its last step.
func (m mask) hides(path, name string) bool {
	return m.paths[path] || (secretName.MatchString(name) && !noSecret.MatchString(name))
}

// flatten calls each for every leaf below a value.
func (m mask) flatten(v any, path string, secret bool, each func(Leaf)) {
	secret = secret || m.paths[path]
	switch value := v.(type) {
	case map[string]any:
		for name, child := range value {
			at := join(path, name)
			m.flatten(child, at, secret || m.hides(at, name), each)
		}
		if len(value) > 0 {
			return
		}
	case []any:
		for i, child := range value {
			m.flatten(child, fmt.Sprintf("%s[%d]", path, i), secret, each)
		}
		if len(value) > 0 {
			return
		}
	case nil, bool:
		secret = false // there is nothing to hide in them
	}
	each(Leaf{Path: path, Value: encode(v), Sensitive: (secret || m.copied(v)) && v != ""})
}

// cover is a value with everything secret in it masked.
func (m mask) cover(v any, path string, secret bool) any {
	secret = secret || m.paths[path]
	switch value := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, child := range value {
			at := join(path, name)
			out[name] = m.cover(child, at, secret || m.hides(at, name))
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, child := range value {
			out[i] = m.cover(child, fmt.Sprintf("%s[%d]", path, i), secret)
		}
		return out
	case nil, bool:
		return v
	}
	if (secret || m.copied(v)) && v != "" {
		return Masked
	}
	return v
}

// encode writes a value as JSON for people: < and > stay as they are.
func encode(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return "?" // what was decoded from JSON always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
