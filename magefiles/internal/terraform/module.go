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
	"github.com/zclconf/go-cty/cty/convert"
)

// A directory is what the Terraform files in a directory say.
type directory struct {
	dir    string
	unread []source // in a syntax that dualboot does not read
	blocks []*block // except locals
	named  map[string]*definition
}

// A block is a block at the top level of a file, after overrides.
type block struct {
	kind    string // aws_lambda_function, module, ...
	address string // aws_lambda_function.orders, module.orders
	attrs   hclsyntax.Attributes
	nested  hclsyntax.Blocks
	at      hcl.Range
}

// A definition defines local.NAME or declares var.NAME.
type definition struct {
	at    hcl.Range
	value hclsyntax.Expression // of the local, or the default of the variable; nil if there is none
	kind  hclsyntax.Expression // type of the variable; nil if there is none
}

// parse parses the files of a directory and merges override files into the others
// as Terraform does: https://developer.hashicorp.com/terraform/language/files/override
func parse(dir string, sources []source) (*directory, error) {
	d := &directory{dir: dir, named: map[string]*definition{}}
	var blocks hclsyntax.Blocks
	for _, s := range sources {
		if !strings.HasSuffix(s.file, ".tf") {
			d.unread = append(d.unread, s)
			continue
		}
		body, err := s.body()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, body.Blocks...)
	}
	for _, override := range []bool{false, true} {
		for _, b := range blocks {
			if isOverride(b.TypeRange.Filename) != override {
				continue
			}
			if err := d.add(b); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// body parses a file in HCL's native syntax.
func (s source) body() (*hclsyntax.Body, error) {
	if err := checkNesting(s); err != nil {
		return nil, err
	}
	file, diags := hclsyntax.ParseConfig(s.data, s.file, hcl.InitialPos)
	if err := firstError(diags); err != nil {
		return nil, err
	}
	return file.Body.(*hclsyntax.Body), nil
}

// firstError returns the first of the errors with its position.
func firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			return fmt.Errorf("%s: %s: %s", position(*d.Subject), d.Summary, d.Detail)
		}
	}
	return nil
}

func isOverride(file string) bool {
	name := strings.TrimSuffix(filepath.Base(file), ".tf")
	return name == "override" || strings.HasSuffix(name, "_override")
}

func (d *directory) add(b *hclsyntax.Block) error {
	override := isOverride(b.TypeRange.Filename)
	attrs := b.Body.Attributes
	switch {
	case b.Type == "locals":
		for name, attr := range attrs {
			if err := d.define("local."+name, definition{attr.NameRange, attr.Expr, nil}, override); err != nil {
				return err
			}
		}
		return nil
	case b.Type == "variable" && len(b.Labels) == 1:
		if err := d.define("var."+b.Labels[0], definition{b.DefRange(), expression(attrs["default"]), expression(attrs["type"])}, override); err != nil {
			return err
		}
		attrs = maps.Clone(attrs) // the rest of the block may read the variable
		delete(attrs, "default")
	}
	address := strings.TrimPrefix(strings.Join(append([]string{b.Type}, b.Labels...), "."), "resource.")
	kind, _, _ := strings.Cut(address, ".")
	added := &block{kind, address, attrs, b.Body.Blocks, b.DefRange()}
	i := slices.IndexFunc(d.blocks, func(other *block) bool { return other.address == address })
	if i < 0 || kind != functionKind && kind != "module" {
		d.blocks = append(d.blocks, added)
		return nil
	}
	first := d.blocks[i]
	if !override {
		return duplicate(address, added.at, first.at)
	}
	maps.Copy(first.attrs, added.attrs)
	first.nested = append(first.nested, added.nested...)
	return nil
}

// define adds a local or a variable. An override replaces what it contains.
func (d *directory) define(name string, added definition, override bool) error {
	first := d.named[name]
	switch {
	case first == nil:
		d.named[name] = &added
	case !override:
		return duplicate(name, added.at, first.at)
	default:
		if added.value != nil {
			first.value = added.value
		}
		if added.kind != nil {
			first.kind = added.kind
		}
	}
	return nil
}

// expression returns the expression of an attribute, or nil.
func expression(attr *hclsyntax.Attribute) hclsyntax.Expression {
	if attr == nil {
		return nil
	}
	return attr.Expr
}

func duplicate(address string, at, first hcl.Range) error {
	return fmt.Errorf("%s: duplicate %s, first defined at %s; remove one", position(at), address, position(first))
}

// A module is a directory with values for its variables: the root module, or the
// instance of a module call.
type module struct {
	*directory
	parent  *module               // nil for the root module
	path    string                // module.orders. without the keys of instances
	address string                // module.orders["key"].
	inputs  map[string]cty.Value  // var.NAME
	others  map[string]*hcl.Range // var.NAME to where else it may be set, which dualboot was not told to read
	values  map[string]cty.Value  // of locals and variables, as far as they are evaluated
	chain   int                   // locals that are being evaluated
}

// maxChain is how many locals may depend on each other in a row. Terraform has no
// limit, but each of them takes stack.
const maxChain = 500

// evaluate returns local.NAME or var.NAME. It returns false if the files do not
// define it.
func (m *module) evaluate(name string) (v cty.Value, ok bool) {
	if v, ok := m.values[name]; ok {
		return v, true
	}
	d := m.named[name]
	if d == nil {
		return cty.NilVal, false
	}
	if m.chain == maxChain {
		return unknown(fmt.Sprintf("%s, which is at the end of %d locals", name, maxChain), ""), true
	}
	m.values[name] = unknown(name+", which refers to itself", "")
	m.chain++
	v = m.defined(name, d)
	m.chain--
	m.values[name] = v
	return v, true
}

// evaluateAll evaluates everything in a fixed order, because cycles depend on it.
func (m *module) evaluateAll() {
	for _, name := range slices.Sorted(maps.Keys(m.named)) {
		m.evaluate(name)
	}
}

func (m *module) defined(name string, d *definition) cty.Value {
	v, ok := m.inputs[name]
	switch {
	case ok:
	case d.value == nil:
		v = unknown(name+", which has no value here", "pass -var= or -varfile= as for terraform apply")
	default:
		v = scope{module: m, each: unknown("each", "")}.value(d.value)
	}
	if isSet(d.kind) {
		v = toSet(v)
	}
	if other := m.others[name]; other != nil {
		why := fmt.Sprintf("%s, which %s also sets", name, position(*other))
		v = derived(unknown(why, "pass -varfile= with the file that terraform apply reads"), v)
	}
	return v
}

// isSet reports whether the type of a variable is set(...).
func isSet(kind hclsyntax.Expression) bool {
	call, ok := kind.(*hclsyntax.FunctionCallExpr)
	return ok && call.Name == "set"
}

func toSet(v cty.Value) cty.Value {
	plain, _ := v.UnmarkDeep()
	set, err := convert.Convert(plain, cty.Set(cty.DynamicPseudoType))
	if err != nil {
		return v
	}
	return derived(set, v)
}

// ignored returns those of the names that terraform apply does not change. If there
// are several lifecycle blocks, the last ignore_changes counts.
func (b *block) ignored(names []string) []string {
	var ignored []string
	for _, n := range b.nested {
		attr := n.Body.Attributes["ignore_changes"]
		if n.Type != "lifecycle" || attr == nil {
			continue
		}
		var listed []string
		list, _ := hcl.ExprList(attr.Expr)
		for _, e := range list {
			quoted, _ := e.Value(nil) // as written before Terraform 0.12
			name, _ := text(quoted)
			listed = append(listed, name)
		}
		for _, t := range attr.Expr.Variables() { // runtime, architectures[0], all
			listed = append(listed, t.RootName())
		}
		if len(listed) > 0 {
			ignored = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				return !slices.Contains(listed, name) && !slices.Contains(listed, "all")
			})
		}
	}
	return ignored
}
