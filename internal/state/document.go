package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is a JSON value that knows where it stands in the text. Terraform's
// own reader does not keep places; people who edit a state need them.
type node struct {
	kind     byte // '{' '[' '"' '0' (number) 'b' (true, false) 'n' (null)
	start    int  // offset of its first byte
	end      int  // offset after its last byte
	text     string
	keys     []node // of an object: its keys, beside children
	children []node
}

// depthLimit bounds how deep values may lie in each other.
const depthLimit = 200

// tree reads JSON into nodes. The Problem says what is wrong with the text.
func tree(raw []byte) (node, *Problem) {
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		var syntax *json.SyntaxError
		message, offset := err.Error(), len(raw)
		if errors.As(err, &syntax) {
			message, offset = syntax.Error(), int(syntax.Offset)-1
		}
		return node{}, problemAt(raw, offset, "", "it is not valid JSON: "+message)
	}
	if !utf8.Valid(raw) {
		offset := slices.IndexFunc([]rune(string(raw)), func(r rune) bool { return r == utf8.RuneError })
		return node{}, problemAt(raw, len(string([]rune(string(raw))[:offset])), "", "it is not valid UTF-8")
	}
	r := reader{raw: raw, tokens: json.NewDecoder(bytes.NewReader(raw))}
	r.tokens.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return node{}, problemAt(raw, int(r.tokens.InputOffset()), "", err.Error())
	}
	return root, nil
}

type reader struct {
	raw    []byte
	tokens *json.Decoder
}

// next is the next token with its place.
func (r *reader) next() (token json.Token, start, end int, err error) {
	start = int(r.tokens.InputOffset())
	for start < len(r.raw) && strings.IndexByte(" \t\r\n,:", r.raw[start]) >= 0 {
		start++
	}
	token, err = r.tokens.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return token, start, int(r.tokens.InputOffset()), err
}

func (r *reader) value(depth int) (node, error) {
	if depth > depthLimit {
		return node{}, fmt.Errorf("values lie more than %d deep in each other", depthLimit)
	}
	token, start, end, err := r.next()
	if err != nil {
		return node{}, err
	}
	n := node{start: start, end: end}
	switch t := token.(type) {
	case json.Delim:
		n.kind = byte(t)
		for r.tokens.More() {
			if n.kind == '{' {
				key, start, end, err := r.next()
				if err != nil {
					return node{}, err
				}
				name, _ := key.(string)
				n.keys = append(n.keys, node{kind: '"', text: name, start: start, end: end})
			}
			child, err := r.value(depth + 1)
			if err != nil {
				return node{}, err
			}
			n.children = append(n.children, child)
		}
		_, _, n.end, err = r.next()
	case string:
		n.kind, n.text = '"', t
	case json.Number:
		n.kind, n.text = '0', t.String()
	case bool:
		n.kind, n.text = 'b', strconv.FormatBool(t)
	default:
		n.kind = 'n'
	}
	return n, err
}

// get is an object's member; false when there is none. Of a name that stands
// twice the last counts, as for Terraform.
func (n node) get(name string) (node, bool) {
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i].text == name {
			return n.children[i], true
		}
	}
	return node{}, false
}

// is tells whether a value has one of the kinds.
func (n node) is(kinds string) bool { return strings.IndexByte(kinds, n.kind) >= 0 }

func problemAt(raw []byte, offset int, path, message string) *Problem {
	line, column := place(raw, offset)
	return &Problem{Line: line, Column: column, Path: path, Message: message}
}

// place is line and column, in runes, of an offset; both count from 1.
func place(raw []byte, offset int) (line, column int) {
	before := raw[:max(0, min(offset, len(raw)))]
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// located puts line:column in front of an error of encoding/json.
func located(raw []byte, err error) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	offset := int64(0)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &mismatch):
		offset = mismatch.Offset
	default:
		return err
	}
	line, column := place(raw, int(offset)-1)
	return fmt.Errorf("%d:%d: %w", line, column, err)
}

// Bump gives a state another serial and leaves every other byte as it is.
// What is not a JSON object comes back unchanged.
func Bump(raw []byte, serial uint64) []byte {
	root, problem := tree(raw)
	if problem != nil || root.kind != '{' {
		return raw
	}
	text := strconv.FormatUint(serial, 10)
	if n, ok := root.get("serial"); ok {
		return slices.Concat(raw[:n.start], []byte(text), raw[n.end:])
	}
	member := `"serial": ` + text
	if len(root.keys) > 0 {
		member += ", "
	}
	return slices.Concat(raw[:root.start+1], []byte(member), raw[root.start+1:])
}

// Same tells whether two states hold the same, whatever their serials and
// the way in which they are written.
func Same(a, b []byte) bool {
	var left, right bytes.Buffer
	if json.Compact(&left, Bump(a, 0)) != nil || json.Compact(&right, Bump(b, 0)) != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(left.Bytes(), right.Bytes())
}
