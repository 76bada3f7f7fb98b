package terraform

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// An instance is one of the functions that a resource makes.
type instance struct {
	*block
	address  string
	env      env
	function string // name on AWS; empty if it is not known
	slots    map[string]*slot
}

// instances returns the functions that a resource makes. If it is not known how
// many it makes, that is one, of which each is not known: what does not depend
// on each or count.index is the same for all of them, and a name can be that of
// one function only.
func (m *module) instances(b *block) []*instance {
	forEach, count := b.attrs["for_each"], b.attrs["count"]
	switch {
	case forEach != nil:
		elements, ok := elements(m.value(forEach.Expr, cty.DynamicVal))
		if !ok {
			return []*instance{m.instance(b, b.address, env{forEach: forEach.Expr, each: cty.DynamicVal})}
		}
		var all []*instance
		for _, e := range elements {
			each := cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(e.key), "value": e.value})
			address := b.address + "[" + strconv.Quote(e.key) + "]"
			all = append(all, m.instance(b, address, env{forEach.Expr, e.key, true, each}))
		}
		return all
	case count != nil:
		if n, ok := keyText(m.value(count.Expr, cty.DynamicVal)); ok && n == "0" {
			return nil
		}
		return []*instance{m.instance(b, b.address+"[0]", noEach())}
	}
	return []*instance{m.instance(b, b.address, noEach())}
}

func (m *module) instance(b *block, address string, env env) *instance {
	in := &instance{block: b, address: address, env: env, slots: map[string]*slot{}}
	if attr := b.attrs["function_name"]; attr != nil {
		in.function, _ = text(m.value(attr.Expr, env.each))
	}
	return in
}

// text returns the value of an attribute, if it is a string that is known.
func (m *module) text(in *instance, name string) (string, bool) {
	attr := in.attrs[name]
	if attr == nil {
		return "", false
	}
	return text(m.value(attr.Expr, in.env.each))
}

type keyValue struct {
	key   string
	value cty.Value
}

// elements returns what for_each goes through, in the order of the keys.
func elements(v cty.Value) ([]keyValue, bool) {
	t := v.Type()
	set := t.IsSetType() && v.IsWhollyKnown()
	if v.IsNull() || !v.IsKnown() || !set && !t.IsObjectType() && !t.IsMapType() {
		return nil, false
	}
	var all []keyValue
	for key, value := range v.Elements() {
		if set {
			key = value
		}
		name, ok := text(key)
		if !ok {
			return nil, false
		}
		all = append(all, keyValue{name, value})
	}
	return all, true
}

// A reader is an attribute that reads a literal, or a file that is not read
// itself and mentions it.
type reader struct {
	address, attribute string
	file               string
	line               int
}

func (r reader) String() string {
	if r.line == 0 {
		return r.file
	}
	return fmt.Sprintf("%s.%s (%s:%d)", r.address, r.attribute, r.file, r.line)
}

func compareReaders(a, b reader) int {
	return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.String(), b.String()))
}

// readers returns who reads each literal.
func (m *module) readers(instances []*instance) map[literal][]reader {
	readers := map[literal][]reader{}
	for _, in := range instances {
		m.read(readers, in.block, in.address, in.env)
	}
	for _, b := range m.others {
		e := noEach()
		if attr := b.attrs["for_each"]; attr != nil {
			e.forEach = attr.Expr
		}
		m.read(readers, b, b.address, e)
	}
	for _, s := range m.unread {
		for name := range m.locals {
			if !bytes.Contains(s.data, []byte("local."+name)) {
				continue
			}
			for _, l := range m.reach(m.locals[name].Expr, nil, noEach()).reads() {
				readers[l] = append(readers[l], reader{file: s.file})
			}
		}
	}
	return readers
}

func (m *module) read(readers map[literal][]reader, b *block, address string, env env) {
	var body func(attrs hclsyntax.Attributes, blocks []*hclsyntax.Block, prefix string)
	body = func(attrs hclsyntax.Attributes, blocks []*hclsyntax.Block, prefix string) {
		for name, attr := range attrs {
			var path []step
			if prefix == "" && name == "for_each" {
				path = []step{{kind: keys}} // the body reads the values by each.value
			}
			r := reader{address, prefix + name, attr.SrcRange.Filename, attr.SrcRange.Start.Line}
			for _, l := range m.reach(attr.Expr, path, env).reads() {
				readers[l] = append(readers[l], r)
			}
		}
		for _, n := range blocks {
			body(n.Body.Attributes, n.Body.Blocks, prefix+n.Type+".")
		}
	}
	body(b.attrs, b.nested, "")
}
