package terraform

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A source is a file of Terraform configuration.
type source struct {
	file string
	data []byte
}

// A module is a directory of Terraform files.
type module struct {
	unread []source // in a syntax that dualboot does not read
	blocks []*block // except locals and variables
	named  map[string]*named
}

// A block is a block at the top level of a file, after overrides.
type block struct {
	kind    string // aws_lambda_function, module, ...
	address string // aws_lambda_function.orders, module.orders
	attrs   hclsyntax.Attributes
	nested  hclsyntax.Blocks
	at      hcl.Range
}

// A named is a local value, or the default of a variable.
type named struct {
	attr  *hclsyntax.Attribute
	value cty.Value // cty.NilVal until evaluated
}

// parse parses files and merges override files into the others as Terraform
// does: https://developer.hashicorp.com/terraform/language/files/override
func parse(sources []source) (*module, error) {
	m := &module{named: map[string]*named{}}
	var blocks hclsyntax.Blocks
	for _, s := range sources {
		if !strings.HasSuffix(s.file, ".tf") {
			m.unread = append(m.unread, s)
			continue
		}
		file, diags := hclsyntax.ParseConfig(s.data, s.file, hcl.InitialPos)
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				return nil, fmt.Errorf("%s: %s: %s", position(*d.Subject), d.Summary, d.Detail)
			}
		}
		blocks = append(blocks, file.Body.(*hclsyntax.Body).Blocks...)
	}
	for _, override := range []bool{false, true} {
		for _, b := range blocks {
			if isOverride(b.TypeRange.Filename) != override {
				continue
			}
			if err := m.add(b); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.named)) { // in a fixed order, because cycles depend on it
		m.evaluate(name)
	}
	return m, nil
}

func isOverride(file string) bool {
	name := strings.TrimSuffix(filepath.Base(file), ".tf")
	return name == "override" || strings.HasSuffix(name, "_override")
}

func (m *module) add(b *hclsyntax.Block) error {
	override := isOverride(b.TypeRange.Filename)
	switch {
	case b.Type == "locals":
		for name, attr := range b.Body.Attributes {
			name = "local." + name
			if first := m.named[name]; first != nil && !override {
				return duplicate(name, attr.NameRange, first.attr.NameRange)
			}
			m.named[name] = &named{attr: attr}
		}
		return nil
	case b.Type == "variable" && len(b.Labels) == 1:
		if attr := b.Body.Attributes["default"]; attr != nil {
			m.named["var."+b.Labels[0]] = &named{attr: attr}
		}
		return nil
	}
	address := strings.TrimPrefix(strings.Join(append([]string{b.Type}, b.Labels...), "."), "resource.")
	kind, _, _ := strings.Cut(address, ".")
	added := &block{kind, address, b.Body.Attributes, b.Body.Blocks, b.DefRange()}
	i := slices.IndexFunc(m.blocks, func(other *block) bool { return other.address == address })
	if i < 0 || kind != functionKind {
		m.blocks = append(m.blocks, added)
		return nil
	}
	first := m.blocks[i]
	if !override {
		return duplicate(address, added.at, first.at)
	}
	maps.Copy(first.attrs, added.attrs)
	first.nested = append(first.nested, added.nested...)
	return nil
}

func duplicate(address string, at, first hcl.Range) error {
	return fmt.Errorf("%s: duplicate %s, first defined at %s; remove one", position(at), address, position(first))
}

// evaluate returns local.NAME or the default of var.NAME, or nil if the files
// do not define it.
func (m *module) evaluate(name string) *named {
	n := m.named[name]
	if n != nil && n.value == cty.NilVal {
		n.value = unknown(name + ", which refers to itself")
		n.value = scope{module: m, each: unknown("each")}.value(n.attr.Expr)
	}
	return n
}

// ignored returns the attributes that terraform apply does not change. If there
// are several lifecycle blocks, the last ignore_changes counts.
func (b *block) ignored() []string {
	var ignored []string
	for _, n := range b.nested {
		attr := n.Body.Attributes["ignore_changes"]
		if n.Type != "lifecycle" || attr == nil {
			continue
		}
		var names []string
		list, _ := hcl.ExprList(attr.Expr)
		for _, e := range list {
			quoted, _ := e.Value(nil) // as written before Terraform 0.12
			name, _ := text(quoted)
			names = append(names, name)
		}
		for _, t := range attr.Expr.Variables() { // runtime, architectures[0], all
			names = append(names, t.RootName())
		}
		if len(names) > 0 {
			ignored = slices.DeleteFunc(slices.Clone(attributes), func(name string) bool {
				return !slices.Contains(names, name) && !slices.Contains(names, "all")
			})
		}
	}
	return ignored
}
