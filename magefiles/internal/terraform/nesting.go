package terraform

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxNesting limits how deep the tree of a file may be. The parser of HCL, and
// whatever walks the tree, is recursive.
const maxNesting = 500

// A level is an open bracket, quote or template sequence.
type level struct {
	lines bool // whether the end of a line ends an expression
	links int  // what may make the tree deeper without a bracket, since the last separator
}

// checkNesting returns an error if a file could make a tree that is deeper than
// maxNesting. It looks at tokens only: brackets nest, and so do operators, and
// whatever follows an expression, such as [0].
func checkNesting(s source) error {
	tokens, _ := hclsyntax.LexConfig(s.data, s.file, hcl.InitialPos)
	levels, depth := []*level{{lines: true}}, 0
	separate := func(l *level) { depth, l.links = depth-l.links, 0 }
	link := func(l *level) { depth, l.links = depth+1, l.links+1 }
	var last hclsyntax.TokenType
	for _, t := range tokens {
		innermost := levels[len(levels)-1]
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if t.Type == hclsyntax.TokenOBrack || t.Type == hclsyntax.TokenTemplateControl {
				link(innermost) // an index, or the start of an if or for
			}
			levels = append(levels, &level{lines: t.Type == hclsyntax.TokenOBrace})
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
			hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if len(levels) > 1 {
				separate(innermost)
				levels = levels[:len(levels)-1]
				depth--
			}
		case hclsyntax.TokenComma:
			separate(innermost)
		case hclsyntax.TokenNewline, hclsyntax.TokenComment: // a comment may include the end of its line
			if innermost.lines && bytes.HasSuffix(t.Bytes, []byte("\n")) {
				separate(innermost)
			}
		case hclsyntax.TokenIdent:
			if last == hclsyntax.TokenOBrace && string(t.Bytes) == "for" {
				innermost.lines = false
			}
		case hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		default: // an operator
			link(innermost)
		}
		if depth > maxNesting {
			return fmt.Errorf("%s: nested deeper than %d levels, which dualboot does not read; simplify the expression, or move the file out of the directory", position(t.Range), maxNesting)
		}
		if t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenComment {
			last = t.Type
		}
	}
	return nil
}
