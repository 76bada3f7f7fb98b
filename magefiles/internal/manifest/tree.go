package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth limits the nesting of objects and arrays.
const maxDepth = 64

// A node is a JSON value and its place in the file.
type node struct {
	kind       jsontext.Kind
	start, end int     // in bytes; end is 0 if the file breaks off inside the value
	text       string  // of a string, unquoted, or of another scalar
	key        *node   // of a member of an object
	children   []*node // members or elements
	parent     *node
	index      int // among the children of parent
}

// pointer returns the JSON pointer of n.
func (n *node) pointer() jsontext.Pointer {
	switch {
	case n.parent == nil:
		return ""
	case n.key != nil:
		return n.parent.pointer().AppendToken(n.key.text)
	}
	return n.parent.pointer().AppendToken(strconv.Itoa(n.index))
}

// isComplete reports whether n exists, is of the kind and was read to its end.
func (n *node) isComplete(kind jsontext.Kind) bool {
	return n != nil && n.kind == kind && n.end > 0
}

// member returns the first member of n with the name, or nil.
func (n *node) member(name string) *node {
	i := slices.IndexFunc(n.children, func(c *node) bool { return c.key != nil && c.key.text == name })
	if i < 0 {
		return nil
	}
	return n.children[i]
}

// A parser reads a file up to its end or to the first syntax error.
type parser struct {
	data   []byte
	tokens *jsontext.Decoder
	broken *finding // the syntax error
}

// parseTree reads the JSON value in data. At a syntax error it returns the
// values before it, nil if there is none, and the error.
func parseTree(data []byte) (root *node, broken *finding) {
	tokens := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true))
	p := &parser{data: data, tokens: tokens}
	root = p.value(nil)
	if p.broken == nil {
		end := p.offset()
		if _, err := tokens.ReadToken(); !errors.Is(err, io.EOF) {
			p.broken = &finding{skip(data, end), "", fault{"unexpected data after the manifest", "remove it"}}
		}
	}
	return root, p.broken
}

// value reads the next value, a member or element of parent unless that is nil.
// At a syntax error it sets p.broken and returns what it has read of the value,
// nil if that is nothing.
func (p *parser) value(parent *node) *node {
	var key *node
	if parent != nil && parent.kind == jsontext.KindBeginObject {
		key = p.token()
	}
	n := p.token()
	if n == nil {
		return nil
	}
	n.key = key
	if parent != nil {
		n.parent, n.index = parent, len(parent.children)
		parent.children = append(parent.children, n)
	}
	if n.kind != jsontext.KindBeginObject && n.kind != jsontext.KindBeginArray {
		return n
	}
	n.end = 0
	if p.tokens.StackDepth() > maxDepth {
		p.broken = &finding{n.start, "", fault{"nested too deeply", "a manifest has four levels"}}
	}
	for p.broken == nil {
		if next := p.tokens.PeekKind(); next != jsontext.KindEndObject && next != jsontext.KindEndArray {
			p.value(n)
		} else if last := p.token(); last != nil {
			n.end = last.end
			break
		}
	}
	return n
}

// token reads a token. It returns nil at and after a syntax error.
func (p *parser) token() *node {
	if p.broken != nil {
		return nil
	}
	before := p.offset()
	kind, length := p.tokens.StackIndex(p.tokens.StackDepth())
	token, err := p.tokens.ReadToken()
	if err != nil {
		at, f := explain(p.data, before, kind, length, err)
		p.broken = &finding{at, "", f}
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			p.broken.pointer = syntax.JSONPointer
		}
		return nil
	}
	return &node{
		kind:  token.Kind(),
		start: skip(p.data, before),
		end:   p.offset(),
		text:  token.String(),
	}
}

// offset returns the end of the last token.
func (p *parser) offset() int { return int(p.tokens.InputOffset()) }

// skip returns the offset of the first byte at or after at that is neither white
// space nor a separator.
func skip(data []byte, at int) int {
	return len(data) - len(bytes.TrimLeft(data[at:], " \t\r\n,:"))
}
