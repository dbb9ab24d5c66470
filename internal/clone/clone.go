// Package clone makes of an environment one that has its shape and fits into
// the sandbox: the same layers, zones, sizes of ensembles and databases,
// versions and features, on volumes and for times as small as they can be, and
// without anything that is another account's or reaches a person.
//
// The clone extends what it is made of, so its file holds nothing but what
// differs, each with the reason, and a change to the original is a change to
// the clone at its next apply.
package clone

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"infra/internal/environment"
)

// Account is the account of clones: the emulator answers for any, and nobody's
// is this one.
const Account = "123456789012"

// Clone is a derived environment.
type Clone struct {
	Of      string
	File    []byte   // the environment's file
	Changes []Change // what differs from the original, in the order of the settings
	Lost    []Loss   // what is no setting and is not the same either
}

// Change is one setting that could not be carried over, or is smaller.
type Change struct {
	Path string
	Was  string // in the original, as the settings show it
	Now  string
	Why  string
}

// Loss is something that the sandbox does not have.
type Loss struct{ What, Why string }

// Of derives the clone that lives behind an emulator's endpoint.
func Of(source *environment.Environment, endpoint string) (Clone, error) {
	c := Clone{Of: source.Name(), Lost: losses()}
	was := map[string]string{}
	for _, e := range source.Effective() {
		was[e.Path] = e.Value
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	put(root, "extends", text(source.Name()), "")
	for _, s := range settings(source, endpoint) {
		if now := shown(s.value); now != was[s.path] {
			put(root, s.path, s.value, s.why)
			c.Changes = append(c.Changes, Change{Path: s.path, Was: was[s.path], Now: now, Why: s.why})
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Made by infra sandbox clone: %s in small, for this checkout and for hours.\n# It goes with its sandbox, and is written anew when it is cloned again.\n\n", source.Name())
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return Clone{}, fmt.Errorf("write the clone of %s: %w", source.Name(), err)
	}
	c.File = out.Bytes()
	return c, encoder.Close()
}

// losses are what no setting says.
func losses() []Loss {
	return []Loss{
		{"data", "the clone starts empty: no backup, snapshot or bucket of the original is read"},
		{"KMS keys, secrets, certificates", "made anew by the emulator, which encrypts nothing"},
		{"public access", "public addresses answer on this machine alone"},
		{"EMR", "the emulator keeps clusters and steps, but runs no Spark"},
		{"alarms", "kept, but never evaluated: nobody is told anything"},
	}
}

// put sets the value at a path such as vpc.nat, making the maps above it. why
// stands beside it.
func put(root *yaml.Node, path string, value *yaml.Node, why string) {
	at := root
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		i := slices.IndexFunc(at.Content, func(n *yaml.Node) bool { return n.Value == key })
		if i < 0 {
			at.Content = append(at.Content, text(key), &yaml.Node{Kind: yaml.MappingNode})
			i = len(at.Content) - 2
		}
		at = at.Content[i+1]
	}
	value.LineComment = why
	at.Content = append(at.Content, text(keys[len(keys)-1]), value)
}
