package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"infra/internal/spelling"
)

// Problem is something wrong with a state. Line and Column count from 1.
type Problem struct {
	Line, Column int
	Path         string // resources[3].instances[0].dependencies[1]
	Message      string
	// Warning says that Terraform reads the state all the same, and ignores or
	// mends what is wrong.
	Warning bool
}

// String is line:column: path: message.
func (p Problem) String() string {
	text := p.Message
	if p.Path != "" {
		text = p.Path + ": " + text
	}
	return fmt.Sprintf("%d:%d: %s", p.Line, p.Column, text)
}

// Check looks for everything that is wrong with a state, in the order of the
// text: broken JSON (then nothing else is looked for), names written twice,
// format version, lineage, serial, outputs, and of every resource what
// checkResources says.
func Check(raw []byte) []Problem {
	if len(raw) == 0 {
		return []Problem{{Line: 1, Column: 1, Message: ErrEmpty.Error()}}
	}
	root, problem := tree(raw)
	if problem != nil {
		return []Problem{*problem}
	}
	c := &checker{raw: raw}
	if c.want(root, "", "{", "an object") {
		c.twice(root, "")
		c.names(root, "", "version", "terraform_version", "serial", "lineage", "outputs", "resources", "check_results")
		c.head(root)
		c.outputs(root)
		c.resources(root)
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return c.problems
}

// Added are the problems of after that before does not have, wherever they
// stand: what an edit has broken.
func Added(before, after []Problem) []Problem {
	var added []Problem
	for _, p := range after {
		old := func(b Problem) bool { return b.Message == p.Message && b.Warning == p.Warning }
		if !slices.ContainsFunc(before, old) {
			added = append(added, p)
		}
	}
	return added
}

type checker struct {
	raw        []byte
	problems   []Problem
	hard, soft int // problems and warnings found
}

// problemLimit is how many problems and how many warnings are found: finding
// the place of one means reading the text up to there.
const problemLimit = 100

func (c *checker) add(n node, path, format string, args ...any) {
	c.report(n, false, path, format, args)
}

func (c *checker) warn(n node, path, format string, args ...any) {
	c.report(n, true, path, format, args)
}

func (c *checker) report(n node, warning bool, path, format string, args []any) {
	found := &c.hard
	if warning {
		found = &c.soft
	}
	if *found++; *found > problemLimit {
		return
	}
	p := problemAt(c.raw, n.start, path, fmt.Sprintf(format, args...))
	p.Warning = warning
	c.problems = append(c.problems, *p)
}

// want says that a value is of the wrong kind; called is the right one's name.
func (c *checker) want(n node, path, kinds, called string) bool {
	if n.is(kinds) {
		return true
	}
	c.add(n, path, "it must be %s", called)
	return false
}

// member is a member that must be there, of one kind.
func (c *checker) member(n node, path, name, kinds, called string) (node, bool) {
	m, ok := n.get(name)
	if !ok {
		c.add(n, path, "%s is missing: it must be %s", name, called)
		return m, false
	}
	return m, c.want(m, join(path, name), kinds, called)
}

// optional is a member that may be missing or null.
func (c *checker) optional(n node, path, name, kinds, called string) (node, bool) {
	m, ok := n.get(name)
	if !ok || m.kind == 'n' {
		return m, false
	}
	return m, c.want(m, join(path, name), kinds, called)
}

func (c *checker) head(root node) {
	if v, ok := c.member(root, "", "version", "0", "the number 4"); ok && v.text != strconv.Itoa(formatVersion) {
		c.add(v, "version", "it must be %d, the format that Terraform writes since 0.12", formatVersion)
	}
	if v, ok := c.member(root, "", "serial", "0", "a whole number"); ok {
		if _, err := strconv.ParseUint(v.text, 10, 64); err != nil {
			c.add(v, "serial", "it must be a whole number that is not negative")
		}
	}
	if v, ok := c.member(root, "", "lineage", `"`, "the state's own id"); ok && v.text == "" {
		c.add(v, "lineage", "it must not be empty")
	}
	c.optional(root, "", "terraform_version", `"`, "a text")
}

func (c *checker) outputs(root node) {
	outputs, ok := c.optional(root, "", "outputs", "{", "an object")
	if !ok {
		return
	}
	for i, o := range outputs.children {
		path := join("outputs", outputs.keys[i].text)
		if !c.want(o, path, "{", "an object with value and type") {
			continue
		}
		if _, ok := o.get("value"); !ok {
			c.add(o, path, "value is missing")
		}
		c.member(o, path, "type", `"[`, `a type such as "string"`)
		c.optional(o, path, "sensitive", "b", "true or false")
		c.names(o, path, "value", "type", "sensitive")
	}
}

// names warns about members that Terraform does not know: it drops them.
func (c *checker) names(n node, path string, known ...string) {
	for _, key := range n.keys {
		if !slices.Contains(known, key.text) {
			c.warn(key, join(path, key.text), "Terraform knows no such member%s", spelling.Suggest(key.text, known))
		}
	}
}

// twice finds names that stand twice in an object: only the last would count.
func (c *checker) twice(n node, path string) {
	seen := make(map[string]bool, len(n.keys))
	for i, child := range n.children {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n.kind == '{' {
			name := n.keys[i].text
			at = join(path, name)
			if seen[name] {
				c.add(n.keys[i], at, "it stands twice: only the last would count")
			}
			seen[name] = true
		}
		c.twice(child, at)
	}
}

// join appends a name to a path.
func join(path, name string) string {
	if !identifier(name) {
		name = "[" + quoted(name) + "]"
		return path + name
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// identifier tells whether a name can stand in an address without quotes.
func identifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || (r != '-' && (r < '0' || r > '9'))) {
			return false
		}
	}
	return name != ""
}

// quoted writes a text as Terraform does in addresses.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(text) + `"`
}
