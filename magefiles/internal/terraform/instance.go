package terraform

import (
	"bytes"
	"fmt"
	"go/token"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An instance is one of the objects that a block creates.
type instance struct {
	*block
	scope
	address  string
	defines  bool             // the block defines a function
	none     bool             // the block creates nothing, but its attributes read values
	function string           // function name; empty if unknown
	slots    map[string]*slot // of a requested function, by attribute
	called   *module          // the local module that the block calls
}

// instances returns the instances of a block, at least one. If the elements of
// for_each are unknown, or there is a count, one instance stands for any: only
// one function can have a given name, and values that do not depend on each or
// count.index are the same for all instances.
func (m *module) instances(b *block) []*instance {
	in := &instance{block: b, scope: scope{module: m, each: unknown("each", "")}, address: m.address + b.address}
	all := []*instance{in}
	registry := b.kind == "module" && isLambdaModule(in.text("source"))
	in.defines = b.kind == functionKind || registry
	in.none = in.text("count") == "0" || registry && in.createsNothing()
	if b.attrs["count"] != nil && !in.none {
		in.address += "[0]"
	}
	if b.attrs["for_each"] != nil {
		forEach, _ := in.get("for_each")
		item := derived(cty.DynamicVal, forEach)
		in.each = element(item, item)
		elements, marks := forEach.Unmark()
		t := elements.Type()
		if iterable(elements) && (t.IsObjectType() || t.IsMapType() || t.IsSetType() && elements.IsWhollyKnown()) {
			in.none = elements.LengthInt() == 0
			for key, value := range elements.Elements() {
				name, _ := text(key)
				one := *in
				one.each = element(key.WithMarks(marks), value.WithMarks(marks))
				one.address = fmt.Sprintf("%s%s[%q]", m.address, b.address, name)
				all = append(all, &one)
			}
			if !in.none {
				all = all[1:]
			}
		}
	}
	for _, in := range all {
		if !in.none {
			in.function = in.text("function_name")
		}
	}
	return all
}

// element returns the value of each.
func element(key, value cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})
}

// get returns the value of an attribute and its range. Without the attribute it
// returns null and the range of the block.
func (in *instance) get(name string) (cty.Value, hcl.Range) {
	if attr := in.attrs[name]; attr != nil {
		return in.value(attr.Expr), attr.Expr.Range()
	}
	return cty.NullVal(cty.DynamicPseudoType), in.at
}

// text returns the value of an attribute, or "" if it is not set or unknown.
func (in *instance) text(name string) string {
	v, _ := in.get(name)
	value, _ := text(v)
	return value
}

// reads returns the literals that an attribute depends on.
func (in *instance) reads(attr *hclsyntax.Attribute) []literal {
	if attr == in.attrs["for_each"] { // the other attributes read the elements through each.value
		return origins[literal](at(in.each, cty.StringVal("key")))
	}
	return origins[literal](in.value(attr.Expr))
}

// A reader is an attribute that reads a literal, or a file that mentions it in a
// syntax that dualboot does not read.
type reader struct {
	in        *instance // nil for a file
	attribute string    // environment.variables if it is in a nested block
	at        token.Position
}

func (r reader) String() string {
	if r.in == nil {
		return r.at.String()
	}
	return fmt.Sprintf("%s.%s (%s)", r.in.address, r.attribute, r.at)
}

// wants reports whether the reader wants the literal of a slot to change in the
// same way, or ignores changes.
func (r reader) wants(s *slot) bool {
	if r.in == nil || r.attribute != s.name {
		return false
	}
	own := r.in.slots[s.name]
	return own != nil && (own.ignored || own.target == s.target && own.literal != nil && *own.literal == *s.literal)
}

// readers returns the readers of the literals that slots change.
func (p *planner) readers() map[literal][]reader {
	readers := map[literal][]reader{}
	for _, s := range p.slots {
		if s.literal != nil {
			readers[*s.literal] = nil
		}
	}
	add := func(r reader, literals []literal) {
		for _, l := range literals {
			if all, ok := readers[l]; ok {
				readers[l] = append(all, r)
			}
		}
	}
	for _, in := range p.instances {
		var body func(prefix string, attrs hclsyntax.Attributes, blocks hclsyntax.Blocks)
		body = func(prefix string, attrs hclsyntax.Attributes, blocks hclsyntax.Blocks) {
			for name, attr := range attrs {
				if in.called == nil || isMeta(name) { // what reads a variable of the called module is an instance too
					add(reader{in, prefix + name, position(attr.SrcRange)}, in.reads(attr))
				}
			}
			for _, b := range blocks {
				body(prefix+b.Type+".", b.Body.Attributes, b.Body.Blocks)
			}
		}
		body("", in.attrs, in.nested)
	}
	for _, m := range p.modules {
		for _, s := range m.unread {
			for name, v := range m.values {
				if bytes.Contains(s.data, []byte(name)) {
					add(reader{at: token.Position{Filename: s.file}}, origins[literal](v))
				}
			}
		}
	}
	return readers
}
