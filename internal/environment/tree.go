package environment

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// maxDepth is how deep maps and lists may nest; the settings need five.
const maxDepth = 12

// tree is a YAML value with its place, free of YAML's own devices (anchors,
// tags, merge keys), which have been refused by then. Exactly one of fields,
// items and text is in use, as kind says.
type tree struct {
	place  Place
	kind   yaml.Kind // MappingNode, SequenceNode or ScalarNode
	tag    string    // of a scalar: !!str, !!int, !!bool, !!null, ...
	text   string    // of a scalar
	items  []*tree
	keys   []string // of a map, in the file's order
	fields map[string]field
}

// field is one entry of a map.
type field struct {
	place Place // of the key
	value *tree
}

// what names a value's kind for an error message.
func (t *tree) what() string {
	switch {
	case t.kind == yaml.MappingNode:
		return "a map"
	case t.kind == yaml.SequenceNode:
		return "a list"
	case t.tag == "!!null":
		return "nothing"
	case t.tag == "!!bool":
		return "the truth value " + t.text
	case t.tag == "!!int" || t.tag == "!!float":
		return "the number " + shortened(t.text)
	case t.tag == "!!str":
		return "the text " + quoted(t.text)
	default:
		return quoted(t.text)
	}
}

// builder makes a tree of YAML nodes and collects what it refuses.
type builder struct {
	file     string
	problems Problems
}

func (b *builder) refuse(n *yaml.Node, format string, args ...any) {
	b.problems = append(b.problems, Problem{Place{b.file, n.Line, n.Column}, fmt.Sprintf(format, args...)})
}

// build makes the tree of a node, nil when it had to be refused.
func (b *builder) build(n *yaml.Node, depth int) *tree {
	switch {
	case depth > maxDepth:
		b.refuse(n, "nested deeper than %d levels", maxDepth)
		return nil
	case n.Kind == yaml.AliasNode:
		b.refuse(n, "aliases (*%s) are not allowed; write the value out, or use extends to share it", shortened(n.Value))
		return nil
	case n.Anchor != "":
		b.refuse(n, "anchors (&%s) are not allowed; use extends to share values", shortened(n.Anchor))
		return nil
	case n.Style&yaml.TaggedStyle != 0:
		b.refuse(n, "tags (%s) are not allowed", quoted(n.Tag))
		return nil
	}
	t := &tree{place: Place{b.file, n.Line, n.Column}, kind: n.Kind, tag: n.Tag}
	switch n.Kind {
	case yaml.MappingNode:
		b.fields(t, n, depth)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if built := b.build(item, depth+1); built != nil {
				t.items = append(t.items, built)
			}
		}
	default:
		if r, bad := firstForbidden(n.Value); bad {
			b.refuse(n, "the character U+%04X is not allowed in a value", r)
			return nil
		}
		t.text = n.Value
	}
	return t
}

// fields fills t from the keys and values of a map.
func (b *builder) fields(t *tree, n *yaml.Node, depth int) {
	t.fields = make(map[string]field, len(n.Content)/2)
	for pair := range slices.Chunk(n.Content, 2) {
		key, value := pair[0], pair[1]
		switch {
		case key.Tag == "!!merge":
			b.refuse(key, "merge keys (<<) are not allowed; use extends to share values")
			continue
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0:
			b.refuse(key, "a key must be a plain word")
			continue
		}
		if r, bad := firstForbidden(key.Value); bad {
			b.refuse(key, "the character U+%04X is not allowed in a key", r)
			continue
		}
		if first, twice := t.fields[key.Value]; twice {
			b.refuse(key, "key %s is there twice; the first is on line %d", quoted(key.Value), first.place.Line)
			continue
		}
		built := b.build(value, depth+1)
		if built == nil {
			continue
		}
		t.keys = append(t.keys, key.Value)
		t.fields[key.Value] = field{Place{b.file, key.Line, key.Column}, built}
	}
}

// merge lays over on top of under: maps key by key, anything else replaced.
// Neither is changed.
func merge(under, over *tree) *tree {
	if under == nil || under.kind != yaml.MappingNode || over.kind != yaml.MappingNode {
		return over
	}
	out := &tree{place: over.place, kind: yaml.MappingNode, tag: over.tag, fields: make(map[string]field, len(under.fields)+len(over.fields))}
	out.keys = slices.Clone(over.keys)
	for _, k := range under.keys {
		out.fields[k] = under.fields[k]
		if _, ok := over.fields[k]; !ok {
			out.keys = append(out.keys, k)
		}
	}
	for _, k := range over.keys {
		f := over.fields[k]
		f.value = merge(out.fields[k].value, f.value)
		out.fields[k] = f
	}
	return out
}
