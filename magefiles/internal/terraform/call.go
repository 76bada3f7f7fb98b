package terraform

import (
	"fmt"
	"slices"

	"example.com/dualboot/magefiles/internal/lambda"
)

// call reports a module call that passes an old runtime, or that may create a
// requested function.
func (p *planner) call(in *instance) {
	hint := fmt.Sprintf("if the module creates one of your functions, set its runtime to %q and its handler to %q", lambda.ProvidedAL2023, lambda.Bootstrap)
	passes := false // whether an attribute passes an old runtime
	for _, attr := range in.attrs {
		old := slices.DeleteFunc(in.reads(attr), func(l literal) bool { return !isOld(l.text) })
		if len(old) > 0 {
			passes = true
			first := slices.MinFunc(old, func(a, b literal) int { return comparePositions(position(a.at), position(b.at)) })
			p.unsure(in.problem(attr.Expr.Range(), fmt.Sprintf("%s is %q from %s", attr.Name, first.text, position(first.at)), hint))
		}
	}
	_, wanted := p.result.wanted(in.function)
	runtime := in.text("runtime")
	switch {
	case passes:
	case wanted && runtime == lambda.ProvidedAL2023:
		p.result.Found = append(p.result.Found, Function{in.function, in.address, position(in.at), runtime, nil})
	case wanted:
		p.unsure(in.problem(in.at, fmt.Sprintf("the module creates %s, and the files do not show that its runtime is %q", in.function, lambda.ProvidedAL2023), hint))
	case len(p.result.Missing()) > 0:
		p.unsure(in.problem(in.at, "the module may create functions that these files do not define", "if its source is a directory of yours, run mage terraform with -dir= on it too"))
	}
}
