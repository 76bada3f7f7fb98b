package terraform

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// value returns what an expression is worth as far as the files alone say, with
// unknown values for the rest. each is the object each, or unknown.
func (m *module) value(e hclsyntax.Expression, each cty.Value) cty.Value {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return m.value(e.Expression, each)
	case *hclsyntax.ObjectConsExpr: // one element that cannot be evaluated leaves the others known
		values := map[string]cty.Value{}
		for _, item := range e.Items {
			key, ok := keyText(m.value(item.KeyExpr, each))
			if !ok {
				return cty.DynamicVal
			}
			values[key] = m.value(item.ValueExpr, each)
		}
		return cty.ObjectVal(values)
	case *hclsyntax.TupleConsExpr:
		values := make([]cty.Value, len(e.Exprs))
		for i, element := range e.Exprs {
			values[i] = m.value(element, each)
		}
		return cty.TupleVal(values)
	}
	v, diags := e.Value(m.context(e, each))
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// context gives an expression the locals that it refers to, each, and the
// functions that for_each needs.
func (m *module) context(e hclsyntax.Expression, each cty.Value) *hcl.EvalContext {
	variables, locals := map[string]cty.Value{}, map[string]cty.Value{}
	for _, traversal := range hclsyntax.Variables(e) {
		switch root := traversal.RootName(); root {
		case "each":
			variables[root] = each
		case "local":
			if name, ok := second(traversal); ok {
				locals[name] = m.local(name)
			}
		default:
			variables[root] = cty.DynamicVal
		}
	}
	variables["local"] = cty.ObjectVal(locals)
	return &hcl.EvalContext{Variables: variables, Functions: map[string]function.Function{
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}}
}

func (m *module) local(name string) cty.Value {
	if v, ok := m.values[name]; ok {
		return v
	}
	m.values[name] = cty.DynamicVal // for one that refers to itself
	if attr := m.locals[name]; attr != nil {
		m.values[name] = m.value(attr.Expr, cty.DynamicVal)
	}
	return m.values[name]
}

// second returns the name after the first dot of a reference.
func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	return attr.Name, ok
}

// text returns a string that is known.
func text(v cty.Value) (string, bool) {
	if !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// keyText returns a string or number that is known as the key of an element.
func keyText(v cty.Value) (string, bool) {
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.Number {
		return v.AsBigFloat().Text('f', -1), true
	}
	return text(v)
}

// only returns the string in a collection of one.
func only(v cty.Value) (string, bool) {
	if !v.IsWhollyKnown() || v.IsNull() || !v.CanIterateElements() || v.LengthInt() != 1 {
		return "", false
	}
	for _, element := range v.Elements() {
		return text(element)
	}
	return "", false
}
