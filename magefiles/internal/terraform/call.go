package terraform

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"example.com/dualboot/magefiles/internal/lambda"
)

const (
	maxDepth   = 10   // of local modules that call each other
	maxModules = 1000 // instances of local modules
)

// lambdaModule matches the addresses of the registry module for functions, and of
// its repository, but not of their submodules.
var lambdaModule = regexp.MustCompile(`^(` +
	`((registry\.terraform\.io|registry\.opentofu\.org)/)?terraform-aws-modules/lambda/aws` +
	`|(git::)?([a-z]+://)?([a-z0-9-]+@)?github\.com[:/]terraform-aws-modules/terraform-aws-lambda(\.git)?` +
	`)(\?.*)?$`)

// isLambdaModule reports whether a module is
// https://registry.terraform.io/modules/terraform-aws-modules/lambda/aws, whose
// function_name, runtime, handler, architectures and package_type are those of the
// aws_lambda_function that it contains.
func isLambdaModule(source string) bool { return lambdaModule.MatchString(source) }

// createsNothing reports whether a call of that module creates no function.
func (in *instance) createsNothing() bool {
	return in.text("create") == "false" || in.text("create_function") == "false" || in.text("create_layer") == "true"
}

// isMeta reports whether an argument of a module call is not a variable of the
// module.
func isMeta(argument string) bool {
	return slices.Contains([]string{"source", "version", "count", "for_each", "providers", "depends_on"}, argument)
}

// newModule returns an instance of a module. The call is nil for the root module.
func newModule(d *directory, call *instance) *module {
	m := &module{directory: d, inputs: map[string]cty.Value{}, others: map[string]*hcl.Range{}, values: map[string]cty.Value{}}
	if call == nil {
		return m
	}
	m.parent = call.module
	m.path, m.address = m.parent.path+call.block.address+".", call.address+"."
	for name, attr := range call.attrs {
		if !isMeta(name) {
			m.inputs["var."+name] = call.value(attr.Expr)
		}
	}
	return m
}

// enter returns the local module that a block calls, or nil if there is none or
// dualboot does not read it.
func (p *planner) enter(in *instance) (*module, error) {
	called, _ := in.localSource(in.dir)
	d := p.parsed[called]
	if d == nil || len(p.directories[called]) == 0 {
		return nil, nil
	}
	depth := 0
	for m := in.module; m != nil; m = m.parent {
		if m.dir == called {
			return nil, fmt.Errorf("%s: %s calls a module that calls it in turn, directly or indirectly, which Terraform cannot install; correct its source", position(in.at), in.address)
		}
		depth++
	}
	if depth > maxDepth {
		p.unsure(in.problem(in.at, fmt.Sprintf("local modules call each other more than %d levels deep", maxDepth), "check the functions of this module by hand"))
		return nil, nil
	}
	return newModule(d, in), nil
}

// call reports a call of a module that dualboot does not read, if it passes an old
// runtime or may create a requested function.
func (p *planner) call(in *instance) {
	hint := fmt.Sprintf("if the module creates one of your functions, set its runtime to %q and its handler to %q", lambda.ProvidedAL2023, lambda.Bootstrap)
	passes := false // whether an attribute passes an old runtime
	for _, name := range slices.Sorted(maps.Keys(in.attrs)) {
		attr := in.attrs[name]
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
		p.unsure(in.problem(in.at, "the module may create functions that these files do not define", "if its source is a directory of yours, run the target terraform with -dir= on it too"))
	}
}
