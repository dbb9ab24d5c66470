package environment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// parse makes the tree of a file's content. With problems the tree holds
// what could be understood; it is nil when that is nothing.
func parse(file string, data []byte) (*tree, Problems) {
	if len(data) > maxSize {
		return nil, Problems{{Place{File: file}, fmt.Sprintf("the file is larger than %d KiB", maxSize>>10)}}
	}
	if ps := checkText(file, data); len(ps) > 0 {
		return nil, ps
	}
	document, err := documentOf(data)
	if err != nil {
		return nil, Problems{malformed(file, data, err)}
	}
	if document == nil || len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return nil, Problems{{Place{file, 1, 1}, "the file is empty"}}
	}
	b := &builder{file: file}
	root := b.build(document.Content[0], 0)
	if root != nil && root.kind != yaml.MappingNode {
		b.refuse(document.Content[0], "a map of settings is wanted here, not %s", root.what())
		root = nil
	}
	return root, b.problems
}

var errSeveral = errors.New("a second document (---) is not allowed")

// documentOf reads the only YAML document; nil for an empty text.
func documentOf(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, errSeveral
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return &first, nil
}

// malformed tells where a text stops being YAML. The parser names a line that
// may be one off and no column, so the place is found anew: the first line
// that cannot be added to those before it.
func malformed(file string, data []byte, err error) Problem {
	message, line := messageOf(err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	if errors.Is(err, errSeveral) {
		line = secondDocument(lines)
		return Problem{Place{file, line, 1}, message}
	}
	line = firstBad(lines, line)
	text := lines[line-1]
	indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
	if tab := bytes.IndexByte(indent, '\t'); tab >= 0 {
		return Problem{Place{file, line, tab + 1}, "malformed YAML: a tab in the indentation; use spaces"}
	}
	return Problem{Place{file, line, len(indent) + 1}, "malformed YAML: " + message}
}

// firstBad is the first line that cannot be added to those before it, where
// near is the line that the parser names. An open quote or bracket may be far
// above that, so the steps up double until what is above them is right, and
// the boundary in between is then found by halves.
func firstBad(lines [][]byte, near int) int {
	right := func(n int) bool {
		_, err := documentOf(bytes.Join(lines[:n], nil))
		return err == nil
	}
	bad := min(max(near, 1)+1, len(lines))
	for bad < len(lines) && right(bad) {
		bad = min(2*bad, len(lines))
	}
	good := bad - 1
	for step := 2; good > 0 && !right(good); step *= 2 {
		bad, good = good, max(0, good-step)
	}
	for bad-good > 1 {
		if middle := (good + bad) / 2; right(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return bad
}

var parserLine = regexp.MustCompile(`^(?:decode: )?yaml: (?:line (\d+): )?(.*)$`)

// messageOf takes the parser's error apart into its words and its line, 1
// when it names none.
func messageOf(err error) (string, int) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	m := parserLine.FindStringSubmatch(text)
	if m == nil {
		return text, 1
	}
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		line = 1
	}
	return m[2], line
}

// secondDocument is the line of the marker that starts a second document.
func secondDocument(lines [][]byte) int {
	seen := false // something besides comments before the marker
	for i, l := range lines {
		if bytes.HasPrefix(l, []byte("---")) && seen {
			return i + 1
		}
		if t := bytes.TrimSpace(l); len(t) > 0 && t[0] != '#' {
			seen = true
		}
	}
	return len(lines)
}
