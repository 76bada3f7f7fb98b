package terraform

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Values carry marks that say where they come from. One evaluation therefore
// tells what an attribute is, which literal to change, and what else reads it.
type (
	// A literal is a string in quotes without interpolation. It marks a value
	// that is this string and nothing else.
	literal struct {
		at   hcl.Range // with the quotes
		text string
	}
	// A given is a string that is set where dualboot does not edit. It marks a value
	// that is this string and nothing else.
	given struct {
		from    string // "-var=runtime"
		instead string // what to do instead of an edit; %s stands for the new value
	}
	// A cause says why a value is not a literal: "var.runtime", "a condition".
	cause struct {
		text string
		hint string // what to do about it, or empty
	}
	// Inputs are the marks of the values that a value depends on in other ways.
	inputs struct{ marks cty.ValueMarks }
)

// A scope defines the names that an expression can refer to.
type scope struct {
	*module
	each  cty.Value
	bound []map[string]struct{} // variables of the enclosing for expressions
}

// value evaluates an expression. Whatever the files do not determine is unknown.
func (s scope) value(e hclsyntax.Expression) cty.Value {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return s.value(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return s.value(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		if e.IsStringLiteral() && e.SrcRange.Start.Line == e.SrcRange.End.Line { // a heredoc has several lines
			v, _ := e.Value(nil)
			return v.Mark(literal{e.SrcRange, v.AsString()})
		}
	case *hclsyntax.ScopeTraversalExpr:
		return s.reference(e.Traversal)
	case *hclsyntax.IndexExpr:
		return at(s.value(e.Collection), s.value(e.Key))
	case *hclsyntax.RelativeTraversalExpr:
		if source, ok := e.Source.(*hclsyntax.IndexExpr); ok { // an unknown key stands for any element
			return at(s.value(source.Collection), append([]cty.Value{s.value(source.Key)}, keys(e.Traversal)...)...)
		}
		return at(s.value(e.Source), keys(e.Traversal)...)
	case *hclsyntax.ObjectConsExpr:
		return s.object(e)
	case *hclsyntax.TupleConsExpr:
		values := make([]cty.Value, len(e.Exprs))
		for i, element := range e.Exprs {
			values[i] = s.value(element)
		}
		return cty.TupleVal(values)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "tomap" && len(e.Args) == 1 {
			if v := s.value(e.Args[0]); v.Type().IsObjectType() {
				return v
			}
		}
	}
	return s.computed(e)
}

func (s scope) object(e *hclsyntax.ObjectConsExpr) cty.Value {
	values := map[string]cty.Value{}
	var keys []cty.Value
	known := true
	for _, item := range e.Items {
		key := s.value(item.KeyExpr)
		name, ok := text(key)
		known = known && ok
		keys = append(keys, key)
		values[name] = s.value(item.ValueExpr)
	}
	v := cty.ObjectVal(values)
	if !known {
		return derived(cty.DynamicVal, append(keys, v)...)
	}
	return derived(v, keys...)
}

// computed evaluates an expression whose value is not one of the literals in it.
func (s scope) computed(e hclsyntax.Expression) cty.Value {
	v, diags := e.Value(s.context(e))
	if diags.HasErrors() {
		v = cty.DynamicVal
	}
	v, _ = v.UnmarkDeep()
	switch e := e.(type) {
	case *hclsyntax.ConditionalExpr:
		v = v.Mark(cause{text: "a condition"})
	case *hclsyntax.ForExpr:
		v = v.Mark(cause{text: "a for expression"})
	case *hclsyntax.FunctionCallExpr:
		if e.Name != "toset" {
			v = v.Mark(cause{text: e.Name + "()"})
		}
	}
	operands := operands{scope: s}
	_ = hclsyntax.Walk(e, &operands)
	return derived(v, operands.values...)
}

// operands collects the values of the direct operands of an expression.
type operands struct {
	scope  scope
	depth  int
	values []cty.Value
}

func (o *operands) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if o.depth == 1 {
		switch n := n.(type) {
		case hclsyntax.ChildScope:
			s := o.scope
			s.bound = append(slices.Clip(s.bound), n.LocalNames)
			o.values = append(o.values, s.value(n.Expr))
		case hclsyntax.Expression:
			o.values = append(o.values, o.scope.value(n))
		}
	}
	o.depth++
	return nil
}

func (o *operands) Exit(hclsyntax.Node) hcl.Diagnostics {
	o.depth--
	return nil
}

// context returns what hcl needs to evaluate an expression: the locals and
// variables that the expression refers to, each, and the functions that for_each
// needs.
func (s scope) context(e hclsyntax.Expression) *hcl.EvalContext {
	variables := map[string]cty.Value{}
	named := map[string]map[string]cty.Value{"local": {}, "var": {}}
	for _, t := range hclsyntax.Variables(e) {
		root := t.RootName()
		switch values, ok := named[root]; {
		case root == "each":
			variables[root] = s.each
		case ok && len(t) > 1:
			name, _ := text(keys(t[1:])[0])
			values[name] = s.reference(t[:2])
		default:
			variables[root] = cty.DynamicVal
		}
	}
	for root, values := range named {
		variables[root] = cty.ObjectVal(values)
	}
	return &hcl.EvalContext{Variables: variables, Functions: map[string]function.Function{
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}}
}

// reference resolves local.NAME, var.NAME, each.key and each.value.
func (s scope) reference(t hcl.Traversal) cty.Value {
	root, rest := t.RootName(), keys(t[1:])
	if root == "each" {
		return at(s.each, rest...)
	}
	name := root
	if len(rest) > 0 {
		second, _ := text(rest[0])
		name, rest = root+"."+second, rest[1:]
	}
	value, ok := s.evaluate(name)
	switch {
	case ok:
		return at(value, rest...)
	case root == "local":
		return unknown(name+", which these files do not define", "")
	case root == "var":
		return unknown(name+", which these files do not declare", "")
	case slices.ContainsFunc(s.bound, func(names map[string]struct{}) bool { _, ok := names[root]; return ok }):
		return cty.DynamicVal
	}
	return unknown(string(hclwrite.TokensForTraversal(t).Bytes()), "")
}

func unknown(why, hint string) cty.Value { return cty.DynamicVal.Mark(cause{why, hint}) }

func keys(t hcl.Traversal) []cty.Value {
	var keys []cty.Value
	for _, step := range t {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			keys = append(keys, cty.StringVal(step.Name))
		case hcl.TraverseIndex:
			keys = append(keys, step.Key)
		}
	}
	return keys
}

// at returns the element of v at the keys, each a key of the element before. An
// unknown key stands for any element.
func at(v cty.Value, keys ...cty.Value) cty.Value {
	if len(keys) == 0 {
		return v
	}
	collection, marks := v.Unmark()
	inputs := []cty.Value{keys[0], cty.DynamicVal.WithMarks(marks)}
	if key, ok := text(keys[0]); ok {
		element, diags := hcl.Index(collection, cty.StringVal(key), nil)
		switch t := collection.Type(); {
		case diags.HasErrors() && t.IsObjectType() && !t.HasAttribute(key):
			element = unknown(fmt.Sprintf("the attribute %q, which is not set", key), "")
		case diags.HasErrors():
			element = cty.DynamicVal
		}
		return derived(at(element, keys[1:]...), inputs...)
	}
	if iterable(collection) {
		for _, element := range collection.Elements() {
			inputs = append(inputs, at(element, keys[1:]...))
		}
	}
	return derived(cty.DynamicVal, inputs...)
}

// derived returns v, marked as depending on other values.
func derived(v cty.Value, others ...cty.Value) cty.Value {
	all := cty.ValueMarks{}
	for _, other := range others {
		_, marks := other.UnmarkDeep()
		all.Insert(maps.Keys(marks))
	}
	if len(all) == 0 {
		return v
	}
	return v.Mark(&inputs{all})
}

// origins returns the literals, given strings, or causes that v depends on.
func origins[T literal | given | cause](v cty.Value) []T {
	var found []T
	seen := map[any]bool{}
	var collect func(marks cty.ValueMarks)
	collect = func(marks cty.ValueMarks) {
		for mark := range marks {
			if seen[mark] {
				continue
			}
			seen[mark] = true
			switch mark := mark.(type) {
			case T:
				found = append(found, mark)
			case *inputs:
				collect(mark.marks)
			}
		}
	}
	_, marks := v.UnmarkDeep()
	collect(marks)
	return found
}

// text returns a known string or number as a string.
func text(v cty.Value) (string, bool) {
	v, _ = v.Unmark()
	v, err := convert.Convert(v, cty.String)
	if err != nil || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// iterable reports whether v is a known collection, which must not be marked.
func iterable(v cty.Value) bool { return v.IsKnown() && !v.IsNull() && v.CanIterateElements() }

// only returns the element of a list or set of one.
func only(v cty.Value) cty.Value {
	collection, marks := v.Unmark()
	if t := collection.Type(); iterable(collection) && !t.IsObjectType() && !t.IsMapType() && collection.LengthInt() == 1 {
		for _, element := range collection.Elements() {
			return derived(element, cty.DynamicVal.WithMarks(marks))
		}
	}
	return derived(cty.DynamicVal, v)
}
