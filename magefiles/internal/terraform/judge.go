package terraform

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// attributes are what dualboot sets on a function that Terraform may set too.
var attributes = []string{"runtime", "handler", "architectures"}

func target(attribute string) string {
	return map[string]string{"runtime": Runtime, "handler": Handler, "architectures": Architecture}[attribute]
}

// A slot is one of the attributes of a function.
type slot struct {
	name    string
	value   string // empty if it is not set, ignored, or not known
	ignored bool
	literal *literal // to be changed; nil for none
	left    bool     // whether it is not changed because of the runtime
	problem *problem
}

// A problem is why a value is not changed.
type problem struct {
	at           hcl.Range
	reason, hint string
}

// judge looks at the attributes of a function that was asked for.
func (p *planner) judge(in *instance) {
	p.wanted = append(p.wanted, in)
	ignored := in.ignored()
	packageType, _ := p.m.text(in, "package_type")
	for _, name := range attributes {
		s := &slot{name: name, ignored: slices.Contains(ignored, name)}
		in.slots[name] = s
		if packageType != "Image" {
			p.fill(in, s)
		}
	}
	runtime, handler := in.slots["runtime"], in.slots["handler"]
	if runtime.literal != nil && runtime.value == legacy && !slices.Contains([]string{"", legacyHandler, Handler}, handler.value) {
		runtime.literal, handler.literal, handler.problem = nil, nil, nil
		runtime.problem = &problem{
			in.attrs["handler"].Expr.Range(),
			fmt.Sprintf("its handler is %q, and dualboot takes functions on %s only if it is %q", handler.value, legacy, legacyHandler),
			"see why, and migrate it first",
		}
	}
	p.result.Found = append(p.result.Found, Function{
		Name: in.function, Address: in.address, File: in.at.Filename, Line: in.at.Start.Line,
		Runtime: runtime.value, Handler: handler.value, Architecture: in.slots["architectures"].value,
		Ignored: ignored, Image: packageType == "Image",
	})
}

// fill finds out what an attribute is, and what is to be done with it.
func (p *planner) fill(in *instance, s *slot) {
	attr := in.attrs[s.name]
	v := cty.NullVal(cty.DynamicPseudoType)
	if attr != nil {
		v = p.m.value(attr.Expr, in.env.each)
	}
	var path []step
	known := false
	switch {
	case s.ignored:
		return
	case v.IsNull() && s.name == "architectures":
		return // a function stays on the one that it is on
	case v.IsNull():
		s.problem = &problem{in.at, "it sets no " + s.name, fmt.Sprintf("set it to %q", target(s.name))}
		return
	case s.name == "architectures":
		s.value, known = only(v)
		path = []step{{name: "0"}}
	default:
		s.value, known = text(v)
	}
	if known && s.value == target(s.name) {
		return
	}
	if known && s.name == "runtime" && !old(s.value) {
		s.problem = &problem{attr.Expr.Range(), fmt.Sprintf("its runtime is %q, and dualboot deploys functions on %s and provided.*", s.value, legacy), "see whether it is the right function"}
		return
	}
	r := p.m.reach(attr.Expr, path, in.env)
	l, ok := r.literal()
	if !known || !ok || l.value != s.value {
		s.problem = r.problem(s.name, attr.Expr.Range(), fmt.Sprintf("make it %q", target(s.name)))
		return
	}
	s.literal = &l
}

// unnamed looks at a function whose name is not known, and which may be one of
// those that were asked for.
func (p *planner) unnamed(in *instance) {
	runtime := in.attrs["runtime"]
	if runtime == nil || slices.Contains(in.ignored(), "runtime") {
		return
	}
	if value, known := p.m.text(in, "runtime"); known && !old(value) {
		return
	}
	hint := fmt.Sprintf("if it is one of yours, set runtime to %q and handler to %q", Runtime, Handler)
	name := in.attrs["function_name"]
	if name == nil {
		p.unsure(in.block.address, "", problem{in.at, "it sets no function_name", hint})
		return
	}
	p.unsure(in.block.address, "", *p.m.reach(name.Expr, nil, in.env).problem("function_name", name.Expr.Range(), hint))
}
