package environment

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// tagText is what AWS accepts in a tag's key and value in every service.
var tagText = regexp.MustCompile(`^[\p{L}\p{N} _.:/=+@-]*$`)

// The bounds of AWS, in characters; it takes 50 tags, of which infra and its
// products use some.
const (
	maxTags     = 40
	maxTagKey   = 128
	maxTagValue = 256
)

// ownTags are the tags, in lower case, that the products and running systems
// set.
func ownTags() []string {
	return []string{"environment", "product", "layer", "name", "managed_by", "fenced", "infra-run"}
}

// tags checks the only free-form map: names and values of AWS tags.
func (c *checker) tags(t *tree, path string) bool {
	if t.kind != yaml.MappingNode {
		return c.refuse(t.place, path, "%s must be a map of texts, not %s", path, t.what())
	}
	good := true
	if len(t.keys) > maxTags {
		good = c.refuse(t.place, path, "%s must have at most %d entries, not %d", path, maxTags, len(t.keys))
	}
	first := make(map[string]string, len(t.keys))
	for _, key := range t.keys {
		f := t.fields[key]
		lower := strings.ToLower(key)
		at := join(path, key)
		switch n := len([]rune(key)); {
		case n == 0 || n > maxTagKey || !tagText.MatchString(key):
			good = c.refuse(f.place, at, "the tag name %s must be 1 to %d letters, digits, spaces and _.:/=+@-", quoted(key), maxTagKey)
		case strings.HasPrefix(lower, "aws:"):
			good = c.refuse(f.place, at, "the tag name %s starts with aws:, which AWS keeps for itself", quoted(key))
		case strings.HasPrefix(lower, "infra:") || slices.Contains(ownTags(), lower):
			good = c.refuse(f.place, at, "the tag %s is set by infra itself", quoted(key))
		case first[lower] != "":
			good = c.refuse(f.place, at, "the tag name %s differs from %s in upper and lower case only, which IAM takes for the same", quoted(key), quoted(first[lower]))
		}
		first[lower] = key
		v := f.value
		switch {
		case v.kind != yaml.ScalarNode || v.tag == "!!null":
			good = c.refuse(v.place, at, "%s must be a text, not %s", at, v.what())
		case v.tag != "!!str":
			good = c.refuse(v.place, at, "%s must be a text, not %s; put it in quotes: %s", at, v.what(), quoted(v.text))
		case len([]rune(v.text)) > maxTagValue || !tagText.MatchString(v.text):
			good = c.refuse(v.place, at, "%s must be at most %d letters, digits, spaces and _.:/=+@-", at, maxTagValue)
		}
	}
	return good
}
