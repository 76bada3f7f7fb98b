package terraform

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// modules looks for calls of modules that make functions.
func (p *planner) modules() {
	hint := fmt.Sprintf("if it makes one of your functions, set the runtime to %q and the handler to %q", Runtime, Handler)
	for _, b := range p.m.others {
		if b.kind != "module" {
			continue
		}
		instances := p.m.instances(b)
		wanted := slices.DeleteFunc(slices.Clone(instances), func(in *instance) bool { return !slices.Contains(p.result.functions, in.function) })
		function := ""
		if len(instances) == 1 && len(wanted) == 1 {
			function = wanted[0].function
		}
		given := false
		for _, attr := range sorted(b.attrs) {
			if l, ok := p.olds(b.address, attr.Name); ok {
				given = true
				p.unsure(b.address, function, problem{attr.Expr.Range(), fmt.Sprintf("%s is given %q of line %d of %s", attr.Name, l.value, l.at.Start.Line, l.at.Filename), hint})
			}
		}
		for _, in := range wanted {
			runtime, _ := p.m.text(in, "runtime")
			switch {
			case runtime == Runtime:
				p.result.Found = append(p.result.Found, Function{Name: in.function, Address: in.address, File: b.at.Filename, Line: b.at.Start.Line, Runtime: runtime})
			case !given || function == "":
				p.unsure(in.address, in.function, problem{b.at, fmt.Sprintf("it makes %s, and its runtime is not known to be %q", in.function, Runtime), hint})
			}
		}
		if len(wanted) == 0 && !given && len(p.result.Missing()) > 0 {
			p.unsure(b.address, "", problem{b.at, "it may make functions that are not found here", "if it is a directory of yours, run mage terraform with -dir= on that too"})
		}
	}
}

// olds returns the first literal with an old runtime that an attribute reads.
func (p *planner) olds(address, attribute string) (literal, bool) {
	var found []literal
	for l, readers := range p.readers {
		if old(l.value) && slices.ContainsFunc(readers, func(r reader) bool { return r.address == address && r.attribute == attribute }) {
			found = append(found, l)
		}
	}
	if len(found) == 0 {
		return literal{}, false
	}
	return slices.MinFunc(found, func(a, b literal) int { return compareRanges(a.at, b.at) }), true
}

func sorted(attrs map[string]*hclsyntax.Attribute) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(attrs))
	for _, attr := range attrs {
		all = append(all, attr)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int { return compareRanges(a.SrcRange, b.SrcRange) })
	return all
}

func compareRanges(a, b hcl.Range) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Start.Byte, b.Start.Byte))
}
