package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is the number of objects and arrays inside each other that are read.
const deepest = 64

// A node is one JSON value and its place in the file. As a member of an object
// it also has the member's name and the place of that.
type node struct {
	kind       jsontext.Kind
	start, end int    // of the value; an end of 0 means that the file broke off inside
	text       string // of a string, without quotes and escapes

	name               string
	nameStart, nameEnd int // with the quotes

	parent   *node
	index    int // among the parent's children
	children []*node
}

// pointer returns the JSON pointer of n.
func (n *node) pointer() string {
	var tokens []string
	for ; n.parent != nil; n = n.parent {
		if n.parent.kind == jsontext.KindBeginObject {
			tokens = append(tokens, n.name)
		} else {
			tokens = append(tokens, strconv.Itoa(n.index))
		}
	}
	var p jsontext.Pointer
	for _, token := range slices.Backward(tokens) {
		p = p.AppendToken(token)
	}
	return string(p)
}

// member returns the first member of n called name, or nil.
func (n *node) member(name string) *node {
	i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
	if n.kind != jsontext.KindBeginObject || i < 0 {
		return nil
	}
	return n.children[i]
}

// find returns the value that pointer leads to, or the last one on the way.
func (n *node) find(pointer string) *node {
	for token := range jsontext.Pointer(pointer).Tokens() {
		var next *node
		if n.kind == jsontext.KindBeginObject {
			next = n.member(token)
		} else if i, err := strconv.Atoi(token); err == nil && 0 <= i && i < len(n.children) {
			next = n.children[i]
		}
		if next == nil {
			break
		}
		n = next
	}
	return n
}

// parseTree reads the JSON value in data. If the syntax is broken, it returns
// what was read before that, which may be nil, and what is wrong.
func parseTree(data []byte) (root *node, broken *finding) {
	bom := bomLength(data)
	d := jsontext.NewDecoder(bytes.NewReader(data[bom:]), jsontext.AllowDuplicateNames(true))
	var open, name *node // the innermost open object or array; the name read last
	for {
		before := bom + int(d.InputOffset())
		kind, length := d.StackIndex(d.StackDepth())
		token, err := d.ReadToken()
		if root != nil && open == nil {
			if err == io.EOF {
				return root, nil
			}
			return root, &finding{skip(data, before), "", "unexpected data after the manifest", "remove it"}
		}
		if err != nil {
			f := explain(data, before, kind, length, err)
			f.offset = max(f.offset, bom)
			if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
				f.pointer = string(syntax.JSONPointer)
			}
			return root, &f
		}
		start, end := skip(data, before), bom+int(d.InputOffset())

		if k := token.Kind(); k == jsontext.KindEndObject || k == jsontext.KindEndArray {
			open.end = end
			open = open.parent
			continue
		}
		if kind == jsontext.KindBeginObject && length%2 == 0 {
			name = &node{name: token.String(), nameStart: start, nameEnd: end}
			continue
		}
		n := &node{parent: open}
		if name != nil {
			n, name = name, nil
			n.parent = open
		}
		n.kind, n.start, n.end = token.Kind(), start, end
		if n.kind == jsontext.KindString {
			n.text = token.String()
		}
		if open == nil {
			root = n
		} else {
			n.index = len(open.children)
			open.children = append(open.children, n)
		}
		if n.kind == jsontext.KindBeginObject || n.kind == jsontext.KindBeginArray {
			n.end = 0
			open = n
			if d.StackDepth() > deepest {
				return root, &finding{start, "", "nested too deeply", "a manifest has four levels"}
			}
		}
	}
}

// skip returns the offset of the first byte from at on that is neither white
// space nor a separator.
func skip(data []byte, at int) int {
	for at < len(data) && bytes.IndexByte([]byte(" \t\r\n,:"), data[at]) >= 0 {
		at++
	}
	return at
}

// bomLength returns the length of the UTF-8 byte order mark that data starts
// with, 0 if there is none.
func bomLength(data []byte) int {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return len("\ufeff")
	}
	return 0
}
