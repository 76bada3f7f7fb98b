package terraform

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A source is a file.
type source struct {
	file string
	data []byte
}

// A module is a directory of Terraform files.
type module struct {
	sources   map[string][]byte
	unread    []source
	functions []*block // the aws_lambda_function resources
	others    []*block
	locals    map[string]*hclsyntax.Attribute
	defaults  map[string]*hclsyntax.Attribute // of variables

	values map[string]cty.Value // of locals, once they are known
}

// A block is a block at the top of a file, with what override files change.
type block struct {
	kind    string
	address string
	attrs   map[string]*hclsyntax.Attribute
	nested  []*hclsyntax.Block
	at      hcl.Range
}

// parse parses files and puts them together as Terraform does:
// https://developer.hashicorp.com/terraform/language/files/override
func parse(read, unread []source) (*module, error) {
	m := &module{
		sources:  map[string][]byte{},
		unread:   unread,
		locals:   map[string]*hclsyntax.Attribute{},
		defaults: map[string]*hclsyntax.Attribute{},
		values:   map[string]cty.Value{},
	}
	var primary, override []*hclsyntax.Body
	for _, s := range read {
		m.sources[s.file] = s.data
		file, diags := hclsyntax.ParseConfig(s.data, s.file, hcl.InitialPos)
		if err := syntaxError(diags); err != nil {
			return nil, err
		}
		body := file.Body.(*hclsyntax.Body)
		if isOverride(s.file) {
			override = append(override, body)
		} else {
			primary = append(primary, body)
		}
	}
	for _, body := range primary {
		if err := m.add(body, false); err != nil {
			return nil, err
		}
	}
	for _, body := range override {
		if err := m.add(body, true); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func isOverride(file string) bool {
	name := strings.TrimSuffix(filepath.Base(file), ".tf")
	return name == "override" || strings.HasSuffix(name, "_override")
}

func syntaxError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return fmt.Errorf("%s:%d: %s: %s", where(*d.Subject), d.Subject.Start.Column, d.Summary, d.Detail)
		}
	}
	return nil
}

// where renders the file and line of a place.
func where(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }

func (m *module) add(body *hclsyntax.Body, override bool) error {
	for _, b := range body.Blocks {
		switch {
		case b.Type == "locals":
			for name, attr := range b.Body.Attributes {
				if first := m.locals[name]; first != nil && !override {
					return twice("local."+name, attr.NameRange, first.NameRange)
				}
				m.locals[name] = attr
			}
		case b.Type == "variable" && len(b.Labels) == 1:
			if attr := b.Body.Attributes["default"]; attr != nil {
				m.defaults[b.Labels[0]] = attr
			}
		case b.Type == "resource" && len(b.Labels) == 2 && b.Labels[0] == "aws_lambda_function":
			if err := m.addFunction(newBlock(b), override); err != nil {
				return err
			}
		default:
			m.others = append(m.others, newBlock(b))
		}
	}
	return nil
}

func newBlock(b *hclsyntax.Block) *block {
	address := strings.Join(append([]string{b.Type}, b.Labels...), ".")
	return &block{
		kind:    b.Type,
		address: strings.TrimPrefix(address, "resource."),
		attrs:   b.Body.Attributes,
		nested:  b.Body.Blocks,
		at:      b.DefRange(),
	}
}

func (m *module) addFunction(b *block, override bool) error {
	i := slices.IndexFunc(m.functions, func(other *block) bool { return other.address == b.address })
	if i < 0 {
		m.functions = append(m.functions, b)
		return nil
	}
	first := m.functions[i]
	if !override {
		return twice(b.address, b.at, first.at)
	}
	for name, attr := range b.attrs {
		first.attrs[name] = attr
	}
	first.nested = append(first.nested, b.nested...)
	return nil
}

func twice(address string, at, first hcl.Range) error {
	return fmt.Errorf("%s:%d: %s is at %s too; Terraform takes only one", where(at), at.Start.Column, address, where(first))
}

// ignored returns which of the attributes an apply leaves alone. That of the
// last lifecycle block counts, if it has any.
func (b *block) ignored() []string {
	var ignored []string
	for _, n := range b.nested {
		attr := n.Body.Attributes["ignore_changes"]
		if n.Type != "lifecycle" || attr == nil {
			continue
		}
		if hcl.ExprAsKeyword(attr.Expr) == "all" {
			return attributes
		}
		list, _ := hcl.ExprList(attr.Expr)
		var names []string
		for _, e := range list {
			if name := rootName(e); slices.Contains(attributes, name) {
				names = append(names, name)
			}
		}
		if len(list) > 0 {
			ignored = names
		}
	}
	return ignored
}

// rootName returns the attribute that an element of ignore_changes names:
// runtime, "runtime" as it was written before Terraform 0.12, architectures[0].
func rootName(e hcl.Expression) string {
	if traversal, diags := hcl.AbsTraversalForExpr(e); !diags.HasErrors() && len(traversal) > 0 {
		return traversal.RootName()
	}
	if v, diags := e.Value(nil); !diags.HasErrors() {
		name, _ := text(v)
		return name
	}
	return ""
}
