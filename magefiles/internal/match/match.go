// Package match proposes a first lambdas.json: it finds the packages of a module
// that are Lambda functions, and pairs them by name with the deployed functions.
package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Deployed is a function that ListFunctions returned.
type Deployed struct {
	Name         string
	Runtime      string // empty for a container image
	Handler      string
	Architecture string
}

// Matching is the result of [Match].
type Matching struct {
	// Prefix is the environment's prefix.
	Prefix string

	// Architecture is arm64 if all of Functions are on arm64, and else empty.
	Architecture string

	// Functions are the pairs, in the order of the packages. Each has its
	// function name without the prefix; one that lacks the prefix has its full
	// name in Names. Dual is true for those on go1.x, which have their handler
	// unless it is the default, or one that no zip of dualboot can have. Those on
	// arm64 have their architecture, unless all are.
	Functions []manifest.Function

	// Unmatched are the functions on go1.x and provided.* without a package,
	// sorted by name, and then the packages without a function, in their order.
	Unmatched []Unmatched
}

// Unmatched is a function or a package without a counterpart.
type Unmatched struct {
	Name   string // of the function, or of the package, which begins with "."
	Reason string
}

// Match pairs deployed functions with packages, as [Packages] returns them, for a
// new environment called env. It compares names only, and pairs nothing where
// names are ambiguous. Functions on runtimes other than go1.x and provided.* are
// never paired.
//
// A function may be built from a package if its name ends like the package's
// path: ./services/orders/stream is "stream", "orders-stream" or
// "services-orders-stream". Generic elements may be left out: ./orders/cmd is
// "orders". "_" equals "-", and case is ignored. The rest of the name is the
// prefix: empty, or ending with "-" or "_".
//
// A function and a package are a pair if, with the environment's prefix, neither
// matches anything else. The environment's prefix is the one with the most pairs,
// with these exceptions:
//   - A prefix that names the environment, such as "prod-", wins over others with
//     more pairs if a package has a different function with each. Then the two
//     prefixes belong to different environments.
//   - A prefix that names the environment also wins a tie.
//   - A prefix that names another environment, such as "stg-", is never chosen.
//   - Of two equally likely prefixes, neither is chosen.
//
// A package without a match with that prefix is paired with a function without
// any prefix, or with another prefix that names the environment, if neither
// matches anything else in the account and no package has a different function
// with each of the two prefixes.
func Match(env string, deployed []Deployed, packages []string) Matching {
	var supported, others []Deployed
	for _, d := range slices.SortedFunc(slices.Values(deployed), func(a, b Deployed) int { return cmp.Compare(a.Name, b.Name) }) {
		if lambda.Supported(d.Runtime) {
			supported = append(supported, d)
		} else {
			others = append(others, d)
		}
	}
	m := newMatcher(env, pairUp(supported, packages), pairUp(others, packages))
	result := Matching{Prefix: m.chosen.prefix}
	for _, pkg := range packages {
		for _, p := range m.all[pkg] {
			if prefix, ok := m.accept(p); ok {
				result.Functions = append(result.Functions, m.entry(p, prefix))
				m.mates[pkg], m.mates[p.function.Name] = p.function.Name, pkg
			}
		}
	}
	result.joinArchitectures()
	var names []string
	for _, d := range supported {
		names = append(names, d.Name)
	}
	for _, name := range append(names, packages...) {
		if m.mates[name] == "" {
			result.Unmatched = append(result.Unmatched, Unmatched{name, m.whyNot(name)})
		}
	}
	return result
}

// joinArchitectures moves arm64 from the functions to the result if all have it.
func (m *Matching) joinArchitectures() {
	if len(m.Functions) == 0 || slices.ContainsFunc(m.Functions, func(f manifest.Function) bool { return f.Architecture == "" }) {
		return
	}
	m.Architecture = lambda.ARM64
	for i := range m.Functions {
		m.Functions[i].Architecture = ""
	}
}

// matcher decides which pairs to accept.
type matcher struct {
	env     string
	tallies map[string]tally  // by prefix
	chosen  tally             // of the environment's prefix
	doubt   string            // why none was chosen, or empty
	all     map[string]pairs  // by function and by package
	barred  map[string]pairs  // those with the chosen prefix and an unsupported runtime
	mates   map[string]string // accepted pairs, in both directions
}

func newMatcher(env string, all, barred pairs) *matcher {
	m := &matcher{env: env, tallies: map[string]tally{}, all: all.byName(), mates: map[string]string{}}
	for prefix, with := range all.byPrefix() {
		m.tallies[prefix] = newTally(prefix, env, with)
	}
	m.chosen, m.doubt = choose(env, m.tallies)
	m.barred = barred.byPrefix()[m.chosen.prefix].byName()
	return m
}

// accept reports whether p is certain, and with which prefix.
func (m *matcher) accept(p *pair) (prefix string, ok bool) {
	if m.doubt != "" {
		return "", false
	}
	if len(m.chosen.by[p.pkg]) > 0 {
		return m.chosen.prefix, m.chosen.functions[p.pkg] == p.function.Name
	}
	if len(m.all[p.pkg]) > 1 || len(m.all[p.function.Name]) > 1 ||
		slices.ContainsFunc(p.prefixes, func(prefix string) bool { return kindOf(prefix, m.env) == foreign }) {
		return "", false
	}
	for _, prefix := range p.prefixes {
		if (prefix == "" || kindOf(prefix, m.env) == own) && !m.tallies[prefix].conflicts(m.chosen) {
			return prefix, true
		}
	}
	return "", false
}

// entry returns the entry of lambdas.json for p, given the prefix of its name.
func (m *matcher) entry(p *pair, prefix string) manifest.Function {
	f := manifest.Function{
		Name:    p.function.Name[len(prefix):],
		Package: p.pkg,
		Dual:    p.function.Runtime == lambda.Go1x,
	}
	if handler := p.function.Handler; f.Dual && handler != lambda.LegacyBinary && manifest.CheckHandler(handler) == nil {
		f.Handler = handler
	}
	if p.function.Architecture == lambda.ARM64 {
		f.Architecture = lambda.ARM64
	}
	if prefix != m.chosen.prefix {
		f.Names = map[string]string{m.env: p.function.Name}
	}
	return f
}

// whyNot returns why the function or package has no mate.
func (m *matcher) whyNot(name string) string {
	scope := func(name string) pairs { return m.chosen.by[name] }
	if len(m.chosen.by[name]) == 0 {
		scope = func(name string) pairs { return m.all[name].closest() }
	}
	found := scope(name)
	switch {
	case len(found) == 0:
		return m.nothingLike(name)
	case m.doubt != "":
		return m.doubt
	case len(found) > 1:
		return "it may be " + anyOf(found, name)
	}
	other := found[0].other(name)
	switch rivals := scope(other); {
	case m.mates[other] != "":
		return fmt.Sprintf("%s is %s", other, m.mates[other])
	case len(rivals) > 1:
		return fmt.Sprintf("%s may be %s", other, anyOf(rivals, other))
	default:
		return fmt.Sprintf("like %s, but with prefix %q instead of %q", other, found[0].prefixes[0], m.chosen.prefix)
	}
}

// nothingLike is whyNot for a name that is in no pair.
func (m *matcher) nothingLike(name string) string {
	if !strings.HasPrefix(name, ".") {
		return "no package has a similar name"
	}
	barred := m.barred[name]
	switch {
	case len(barred) == 0:
		return "no function on go1.x or provided.* has a similar name"
	case barred[0].function.Runtime == "":
		return barred[0].function.Name + " is a container image"
	}
	return barred[0].function.Name + " is on " + barred[0].function.Runtime
}

// anyOf lists the counterparts of name in the pairs: "a, b or c". It lists at most
// five, or four and the number of the others.
func anyOf(ps pairs, name string) string {
	others := make([]string, len(ps))
	for i, p := range ps {
		others[i] = p.other(name)
	}
	last, end := len(others)-1, others[len(others)-1]
	if len(others) > 5 {
		last, end = 4, fmt.Sprintf("one of %d more", len(others)-4)
	}
	return strings.Join(others[:last], ", ") + " or " + end
}
