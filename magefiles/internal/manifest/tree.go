package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth limits the nesting of objects and arrays.
const maxDepth = 64

// A node is a JSON value and its place in the file.
type node struct {
	kind       jsontext.Kind
	pointer    string
	start, end int     // in bytes; end is 0 if the file breaks off inside the value
	text       string  // of a string, unquoted, or of another scalar
	key        *node   // of a member of an object
	children   []*node // members or elements
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
	document := &node{}
	if p.child(document) {
		end := p.offset()
		if _, err := tokens.ReadToken(); err != io.EOF {
			p.broken = &finding{skip(data, end), "", fault{"unexpected data after the manifest", "remove it"}}
		}
	}
	if len(document.children) > 0 {
		root = document.children[0]
	}
	return root, p.broken
}

// child reads the next member or element of parent. It returns false at a syntax
// error.
func (p *parser) child(parent *node) bool {
	var key *node
	if parent.kind == jsontext.KindBeginObject {
		if key = p.token(); key == nil {
			return false
		}
	}
	n := p.token()
	if n == nil {
		return false
	}
	n.key = key
	parent.children = append(parent.children, n)
	if n.kind != jsontext.KindBeginObject && n.kind != jsontext.KindBeginArray {
		return true
	}
	n.end = 0
	if p.tokens.StackDepth() > maxDepth {
		p.broken = &finding{n.start, "", fault{"nested too deeply", "a manifest has four levels"}}
		return false
	}
	for next := p.tokens.PeekKind(); next != jsontext.KindEndObject && next != jsontext.KindEndArray; next = p.tokens.PeekKind() {
		if !p.child(n) {
			return false
		}
	}
	last := p.token()
	if last == nil {
		return false
	}
	n.end = last.end
	return true
}

// token reads a token. It returns nil at a syntax error.
func (p *parser) token() *node {
	before := p.offset()
	kind, length := p.tokens.StackIndex(p.tokens.StackDepth())
	token, err := p.tokens.ReadToken()
	if err != nil {
		at, f := explain(p.data, before, kind, length, err)
		p.broken = &finding{at, "", f}
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			p.broken.pointer = string(syntax.JSONPointer)
		}
		return nil
	}
	return &node{
		kind:    token.Kind(),
		pointer: string(p.tokens.StackPointer()),
		start:   skip(p.data, before),
		end:     p.offset(),
		text:    token.String(),
	}
}

// offset returns the end of the last token.
func (p *parser) offset() int { return int(p.tokens.InputOffset()) }

// skip returns the offset of the first byte at or after at that is neither white
// space nor a separator.
func skip(data []byte, at int) int {
	return len(data) - len(bytes.TrimLeft(data[at:], " \t\r\n,:"))
}
