package terraform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A literal is a string in quotes, without anything to evaluate.
type literal struct {
	at    hcl.Range // with the quotes
	value string
}

// An env is what each stands for in a block.
type env struct {
	forEach hclsyntax.Expression // nil without for_each
	key     string
	keyed   bool      // whether key is known
	each    cty.Value // unknown unless keyed
}

// A step is one step of a path into a value: an element, all of them, or only
// their keys.
type step struct {
	name string
	kind stepKind
}

type stepKind int

const (
	element stepKind = iota
	anyElement
	keys
)

// A reach is what of the source an expression gets its value from.
type reach struct {
	m        *module
	literals []literal
	keys     []literal // what the keys of indexes read
	computed bool      // whether the value is something else than one of the literals
	causes   []string  // why it is, as far as that can be said in a word
	visits   visits
}

// visits are the locals, and defaults of variables, that were followed.
type visits struct {
	now  map[*hclsyntax.Attribute]bool // to notice one that refers to itself
	done map[string]bool               // with the path, to follow each only once
}

// noEach is the env of a block without for_each, and of locals.
func noEach() env { return env{each: cty.DynamicVal} }

// reach follows an expression, or what is at the path of its value. What it
// cannot follow exactly it takes to read everything that it mentions.
func (m *module) reach(e hclsyntax.Expression, path []step, env env) *reach {
	r := &reach{m: m, visits: visits{map[*hclsyntax.Attribute]bool{}, map[string]bool{}}}
	r.follow(e, path, env)
	return r
}

// literal returns the one literal that is the value.
func (r *reach) literal() (literal, bool) {
	if r.computed || len(r.literals) != 1 {
		return literal{}, false
	}
	return r.literals[0], true
}

// reads are all literals that the value may depend on.
func (r *reach) reads() []literal { return slices.Concat(r.literals, r.keys) }

func (r *reach) follow(e hclsyntax.Expression, path []step, env env) {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		r.follow(e.Expression, path, env)
	case *hclsyntax.TemplateWrapExpr:
		r.follow(e.Wrapped, path, env)
	case *hclsyntax.TemplateExpr:
		if len(path) > 0 || !r.add(e) {
			r.all(e.Parts, env)
		}
	case *hclsyntax.ScopeTraversalExpr:
		r.reference(e.Traversal, path, env)
	case *hclsyntax.RelativeTraversalExpr:
		r.follow(e.Source, append(steps(e.Traversal), path...), env)
	case *hclsyntax.IndexExpr:
		s := step{kind: anyElement}
		if key, ok := keyText(r.m.value(e.Key, env.each)); ok {
			s = step{name: key}
		}
		r.follow(e.Collection, append([]step{s}, path...), env)
		key := &reach{m: r.m, visits: r.visits}
		key.follow(e.Key, nil, env)
		r.keys = append(r.keys, key.reads()...)
		r.causes = append(r.causes, key.causes...)
	case *hclsyntax.ObjectConsExpr:
		r.object(e, path, env)
	case *hclsyntax.TupleConsExpr:
		r.tuple(e, path, env)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "tomap" && len(e.Args) == 1 {
			r.follow(e.Args[0], path, env)
			return
		}
		r.call(e)
		r.all(e.Args, env)
	case *hclsyntax.ConditionalExpr:
		r.because("a condition")
		r.all([]hclsyntax.Expression{e.Condition, e.TrueResult, e.FalseResult}, env)
	default:
		r.everything(e, env)
	}
}

// add adds a template that is a literal.
func (r *reach) add(e *hclsyntax.TemplateExpr) bool {
	if !e.IsStringLiteral() || r.m.sources[e.SrcRange.Filename][e.SrcRange.Start.Byte] != '"' { // else a heredoc
		return false
	}
	value, ok := text(r.m.value(e, cty.DynamicVal))
	if ok {
		r.literals = append(r.literals, literal{e.SrcRange, value})
	}
	return ok
}

// reference follows local.NAME, var.NAME, each.key and each.value.
func (r *reach) reference(t hcl.Traversal, path []step, env env) {
	root := t.RootName()
	name, ok := second(t)
	if ok {
		path = append(steps(t[2:]), path...)
	}
	switch {
	case ok && root == "local" && r.m.locals[name] != nil:
		r.named(r.m.locals[name], path)
	case ok && root == "each" && env.forEach != nil:
		r.each(name, path, env)
	case ok && root == "var" && r.m.defaults[name] != nil: // one of the places that set it
		r.because(fmt.Sprintf("var.%s (default at %s)", name, where(r.m.defaults[name].Expr.Range())))
		r.named(r.m.defaults[name], path)
	case root == "local" && ok:
		r.because(fmt.Sprintf("local.%s, which is not in these files", name))
	default:
		r.because(dotted(t))
	}
}

// because says why the value is a computed one.
func (r *reach) because(cause string) {
	r.computed = true
	r.causes = append(r.causes, cause)
}

// dotted renders the names of a reference up to the first index.
func dotted(t hcl.Traversal) string {
	s := t.RootName()
	for _, step := range t[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		s += "." + attr.Name
	}
	return s
}

func (r *reach) each(name string, path []step, env env) {
	if name == "key" {
		r.computed = true
		r.follow(env.forEach, []step{{kind: keys}}, noEach())
		return
	}
	s := step{kind: anyElement}
	if env.keyed {
		s = step{name: env.key}
	}
	r.follow(env.forEach, append([]step{s}, path...), noEach())
}

func (r *reach) named(attr *hclsyntax.Attribute, path []step) {
	id := fmt.Sprintf("%p %#v", attr, path)
	if r.visits.done[id] || r.visits.now[attr] {
		return
	}
	r.visits.done[id], r.visits.now[attr] = true, true
	r.follow(attr.Expr, path, noEach())
	delete(r.visits.now, attr)
}

func (r *reach) object(e *hclsyntax.ObjectConsExpr, path []step, env env) {
	if len(path) == 0 {
		r.computed = true
	}
	for _, item := range e.Items {
		key, ok := keyText(r.m.value(item.KeyExpr, env.each))
		switch {
		case len(path) == 0:
			r.everything(item.KeyExpr, env)
			r.follow(item.ValueExpr, nil, env)
		case path[0].kind == keys:
			r.everything(item.KeyExpr, env)
		case path[0].kind == anyElement || !ok:
			r.computed = true
			r.follow(item.ValueExpr, path[1:], env)
		case key == path[0].name:
			r.follow(item.ValueExpr, path[1:], env)
		}
	}
}

func (r *reach) tuple(e *hclsyntax.TupleConsExpr, path []step, env env) {
	if len(path) == 0 || path[0].kind != element {
		r.all(e.Exprs, env)
		return
	}
	i, err := strconv.Atoi(path[0].name)
	if err != nil || i < 0 || i >= len(e.Exprs) {
		r.computed = true
		return
	}
	r.follow(e.Exprs[i], path[1:], env)
}

// all takes a value to be computed from all of the expressions.
func (r *reach) all(expressions []hclsyntax.Expression, env env) {
	r.computed = true
	for _, e := range expressions {
		r.follow(e, nil, env)
	}
}

// everything takes a value to be computed from all that an expression mentions.
func (r *reach) everything(e hclsyntax.Expression, env env) {
	r.computed = true
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.TemplateExpr:
			r.add(n)
		case *hclsyntax.FunctionCallExpr:
			r.call(n)
		case *hclsyntax.ForExpr:
			r.because("a for expression")
		}
		return nil
	})
	for _, t := range hclsyntax.Variables(e) {
		r.reference(t, nil, env)
	}
}

func (r *reach) call(e *hclsyntax.FunctionCallExpr) {
	if e.Name != "toset" && e.Name != "tomap" { // they compute nothing
		r.because(e.Name + "()")
	}
}

// problem says why the value of an attribute is not a literal that can be
// changed.
func (r *reach) problem(attribute string, at hcl.Range, hint string) *problem {
	reason := attribute + " is not one plain string in quotes"
	if len(r.causes) > 0 {
		slices.Sort(r.causes)
		reason = attribute + " depends on " + strings.Join(slices.Compact(r.causes), " and ")
	}
	if slices.ContainsFunc(r.causes, func(cause string) bool { return strings.HasPrefix(cause, "var.") }) {
		hint += "; tfvars files, -var and TF_VAR_ set variables too"
	}
	return &problem{at, reason, hint}
}

func steps(t hcl.Traversal) []step {
	var path []step
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			path = append(path, step{name: s.Name})
		case hcl.TraverseIndex:
			if key, ok := keyText(s.Key); ok {
				path = append(path, step{name: key})
				continue
			}
			path = append(path, step{kind: anyElement})
		default:
			path = append(path, step{kind: anyElement})
		}
	}
	return path
}
