package terraform

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"example.com/dualboot/magefiles/internal/lambda"
)

// functionKind is the type of the resources that define functions.
const functionKind = "aws_lambda_function"

// attributes are the attributes of a function that dualboot changes.
var attributes = []string{"runtime", "handler", "architectures"}

// target returns the value that an attribute of the function must have, or "" if
// any will do.
func (w Wanted) target(attribute string) string {
	handler := lambda.Bootstrap
	if w.KeepHandler {
		handler = ""
	}
	return map[string]string{
		"runtime":       lambda.ProvidedAL2023,
		"handler":       handler,
		"architectures": w.Architecture,
	}[attribute]
}

// isOld reports whether dualboot moves functions away from a runtime.
func isOld(runtime string) bool {
	return lambda.Supported(runtime) && runtime != lambda.ProvidedAL2023
}

// A planner plans the changes to a project.
type planner struct {
	*project
	parsed    map[string]*directory
	modules   []*module // the root module and the instances of local modules
	instances []*instance
	slots     []*slot
	result    *Result
}

// A slot is one of the attributes of a requested function.
type slot struct {
	in      *instance
	name    string
	target  string // the value to have, or empty if any will do
	value   string // empty if it is not set, ignored, or unknown
	ignored bool
	literal *literal // to change, if any
	problem *Unsure
}

// became reports whether a slot has the planned value after the changes.
func (s *slot) became(after *slot) bool {
	want := s.value
	if s.literal != nil {
		want = s.target
	}
	return after.in.address == s.in.address && after.name == s.name && after.value == want && after.literal == nil
}

// plan finds what to change and what is unsure.
func plan(pr *project, functions []Wanted) (*planner, error) {
	p := &planner{
		project: pr, parsed: map[string]*directory{},
		result: &Result{functions: functions, literals: map[literal]string{}},
	}
	for _, dir := range slices.Sorted(maps.Keys(pr.directories)) {
		d, err := parse(dir, pr.directories[dir])
		if err != nil {
			return nil, err
		}
		p.parsed[dir] = d
	}
	root := newModule(p.parsed[pr.root], nil)
	if err := pr.setVariables(root); err != nil {
		return nil, err
	}
	if err := p.expand(root); err != nil {
		return nil, err
	}
	for _, in := range p.instances {
		switch {
		case !in.defines || in.none:
		case in.function == "":
			p.unnamed(in)
		default:
			if w, ok := p.result.wanted(in.function); ok {
				p.judge(in, w)
			}
		}
	}
	readers := p.readers()
	for p.withdraw(readers) {
	}
	p.report()
	return p, nil
}

// expand adds a module, and the local modules that it calls.
func (p *planner) expand(m *module) error {
	if len(p.modules) == maxModules {
		return fmt.Errorf("%s calls local modules more than %d times; name the directory of a module with -dir= instead", p.root, maxModules)
	}
	p.modules = append(p.modules, m)
	m.evaluateAll()
	for _, b := range m.blocks {
		for _, in := range m.instances(b) {
			p.instances = append(p.instances, in)
			if in.kind != "module" || in.none || in.defines {
				continue
			}
			called, err := p.enter(in)
			if err != nil {
				return err
			}
			if in.called = called; called == nil {
				continue
			}
			if err := p.expand(called); err != nil {
				return err
			}
		}
	}
	return nil
}

// unnamed reports a function with an unknown name, which may be one of the
// requested functions.
func (p *planner) unnamed(in *instance) {
	runtime := in.text("runtime")
	if in.attrs["runtime"] == nil || runtime != "" && !isOld(runtime) || in.ignores("runtime") {
		return
	}
	name, at := in.get("function_name")
	hint := fmt.Sprintf("if this is one of your functions, set runtime to %q and handler to %q", lambda.ProvidedAL2023, lambda.Bootstrap)
	p.unsure(in.undetermined("function_name", name, at, hint))
}

// judge decides what to do with each attribute of a requested function.
func (p *planner) judge(in *instance, w Wanted) {
	in.slots = map[string]*slot{}
	ignored, done := in.ignored(attributes), true
	for _, name := range attributes {
		s := &slot{in: in, name: name, target: w.target(name), ignored: slices.Contains(ignored, name)}
		in.slots[name] = s
		p.slots = append(p.slots, s)
		if s.target != "" && !s.ignored && in.text("package_type") != "Image" {
			s.fill()
		}
		done = done && s.literal == nil && s.problem == nil
	}
	ignored = slices.DeleteFunc(ignored, func(name string) bool { return w.target(name) == "" })
	p.result.Found = append(p.result.Found, Function{in.function, in.address, position(in.at), in.slots["runtime"].value, ignored})
	if in.text("package_type") != "Image" {
		p.result.Uploads = append(p.result.Uploads, in.uploads()...)
	}
	i := slices.IndexFunc(p.instances, func(other *instance) bool {
		return other != in && other.defines && other.function == in.function
	})
	if i >= 0 && !done {
		in.refuse("function_name",
			fmt.Sprintf("%s (%s) also manages %s", p.instances[i].address, position(p.instances[i].at), in.function),
			fmt.Sprintf("set runtime to %q and handler to %q in the resource that creates the function", lambda.ProvidedAL2023, lambda.Bootstrap))
	}
}

// refuse reports a problem at an attribute instead of changing runtime and
// handler.
func (in *instance) refuse(attribute, reason, hint string) {
	_, at := in.get(attribute)
	runtime, handler := in.slots["runtime"], in.slots["handler"]
	runtime.literal, handler.literal, handler.problem = nil, nil, nil
	runtime.problem = in.problem(at, reason, hint)
}

// fill evaluates the attribute and decides what to do with it.
func (s *slot) fill() {
	v, at := s.in.get(s.name)
	if s.name == "architectures" {
		if v.IsNull() {
			return // Lambda keeps the architecture of a function
		}
		v = only(v)
	}
	known := false
	s.value, known = text(v)
	switch {
	case known && s.value == s.target:
		return
	case known && s.name == "runtime" && !isOld(s.value):
		s.problem = s.in.problem(at,
			fmt.Sprintf("runtime is %q, and dualboot migrates only functions on %s and provided.*", s.value, lambda.Go1x),
			"check that this is the right function")
		return
	}
	for l := range cty.ValueMarksOfType[literal](v) { // at most one
		s.literal = &l
		return
	}
	for g := range cty.ValueMarksOfType[given](v) { // at most one
		s.problem = s.in.problem(at, fmt.Sprintf("%s is %q, from %s", s.name, s.value, g.from), fmt.Sprintf(g.instead, s.target))
		return
	}
	s.problem = s.in.undetermined(s.name, v, at, fmt.Sprintf("set it to %q", s.target))
}

// withdraw withdraws changes that depend on a change that is not made, and
// reports whether there were any. A literal changes only if all its readers want
// the same change. A handler changes only with the runtime, as go1.x cannot start
// bootstrap.
func (p *planner) withdraw(readers map[literal][]reader) bool {
	withdrawn := false
	for _, s := range p.slots {
		if s.literal == nil {
			continue
		}
		runtime := s.in.slots["runtime"]
		others := slices.DeleteFunc(slices.Clone(readers[*s.literal]), func(r reader) bool { return r.wants(s) })
		switch {
		case runtime.problem != nil && s.name == "handler":
			runtime.problem.Reason += "; handler is not changed either"
		case runtime.problem != nil:
		case runtime.ignored: // after a rollback the deployed runtime may be the old one
		case len(others) > 0:
			s.problem = s.in.problem(s.literal.at,
				fmt.Sprintf("%s is %q, which %s also reads", s.name, s.value, slices.MinFunc(others, func(a, b reader) int { return comparePositions(a.at, b.at) })),
				fmt.Sprintf("set it to %q if that is right for both, or give %s a string of its own", s.target, s.name))
		case p.shared(s.literal.at.Filename):
			s.problem = s.in.problem(s.literal.at,
				fmt.Sprintf("%s is %q in a module outside of %s, which other configurations may call", s.name, s.value, p.root),
				fmt.Sprintf("set it to %q if that is right for all of them", s.target))
		default:
			continue
		}
		s.literal, withdrawn = nil, true
	}
	return withdrawn
}

// report puts the slots, the other module calls and the files that were not read
// into the result.
func (p *planner) report() {
	for _, s := range p.slots {
		switch {
		case s.literal != nil:
			p.result.literals[*s.literal] = s.target
			p.result.Changes = append(p.result.Changes, Change{
				At: position(s.literal.at), Address: s.in.address, Function: s.in.function,
				Attribute: s.name, From: s.value, To: s.target,
			})
		case s.problem != nil:
			p.unsure(s.problem)
		}
	}
	for _, in := range p.instances {
		if in.kind == "module" && in.called == nil && !in.defines && !in.none {
			p.call(in)
		}
	}
	for _, m := range p.modules {
		for _, s := range m.unread {
			p.unsure(&Unsure{
				At:     token.Position{Filename: s.file},
				Reason: "dualboot reads only *.tf files",
				Hint:   "check it for functions that are not on " + lambda.ProvidedAL2023,
			})
		}
	}
	p.result.sort()
}

func (p *planner) unsure(u *Unsure) {
	if !slices.Contains(p.result.Unsure, *u) {
		p.result.Unsure = append(p.result.Unsure, *u)
	}
}

// problem returns an entry of [Result.Unsure]. Instances without a function name
// have the address of their block.
func (in *instance) problem(at hcl.Range, reason, hint string) *Unsure {
	address := in.address
	if in.function == "" {
		address = in.module.path + in.block.address
	}
	return &Unsure{At: position(at), Address: address, Function: in.function, Reason: reason, Hint: hint}
}

// undetermined returns the problem that v, the value of an attribute, is not a
// literal.
func (in *instance) undetermined(attribute string, v cty.Value, at hcl.Range, hint string) *Unsure {
	var causes []string
	for _, c := range origins[cause](v) {
		causes = append(causes, c.text)
		if c.hint != "" && !strings.Contains(hint, c.hint) {
			hint += "; " + c.hint
		}
	}
	for _, g := range origins[given](v) {
		causes = append(causes, g.from)
	}
	slices.Sort(causes)
	switch {
	case v.IsNull():
		return in.problem(at, attribute+" is not set", hint)
	case len(causes) == 0:
		return in.problem(at, attribute+" is not a single quoted string", hint)
	}
	return in.problem(at, attribute+" depends on "+strings.Join(slices.Compact(causes), " and "), hint)
}
