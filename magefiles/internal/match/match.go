// Package match proposes a first lambdas.json: it finds the packages of a module
// that are Lambda functions, and pairs them by name with the deployed functions.
package match

import (
	"cmp"
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
	// function name without the prefix. One that lacks the prefix, or whose name
	// CloudFormation has made up, has its full name in Names, and a name like the
	// package's. Dual is true for those on go1.x, which have their handler unless
	// it is the default, or one that no zip of dualboot can have. Those on other
	// runtimes than these and provided.al2023 have theirs in RollbackTo. Those on
	// arm64 have their architecture, unless all are.
	Functions []manifest.Function

	// Unmatched are the functions on go1.x and provided.* without a package,
	// sorted by name, and then the packages without a function, in their order.
	Unmatched []Unmatched

	// Example is an entry that one of the unmatched functions may have, or nil. Its
	// package need not exist.
	Example *manifest.Function
}

// Unmatched is a function or a package without a counterpart.
type Unmatched struct {
	Name   string // of the function, or of the package, which begins with "."
	Reason string
	Group  string // the reason without names, for several with similar ones; or empty
	Alone  bool   // it is a function, and no package has a similar name
}

// IsPackage reports whether u is a package.
func (u Unmatched) IsPackage() bool { return strings.HasPrefix(u.Name, ".") }

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
// Names in camel case match less exactly: words count and their separators do not,
// so OrdersStream and orderStream are like ./orders/stream and ./orderstream. The
// prefix may end at the start of any word then. Left out of the comparison are a last
// word Function, Handler or Lambda, and what CloudFormation and the CDK add to a
// logical ID. With the same prefix, an exact match precludes others of its
// function and its package.
//
// A function and a package are a pair if, with the environment's prefix, neither
// matches anything else. The environment's prefix is the one with the most pairs,
// with these exceptions:
//   - A prefix that names the environment, such as "prod-", wins over others with
//     more pairs if a package has a different function with each. Then the two
//     prefixes belong to different environments.
//   - A prefix that names the environment also wins a tie.
//   - A prefix that names another environment, such as "stg-", is never chosen.
//   - A prefix that ends within a name in camel case must end with the name of the
//     environment, or have two pairs.
//   - Of two equally likely prefixes, neither is chosen.
//
// A package without a match with that prefix is paired with a function without
// any prefix, or with another prefix that names the environment, in camel case at
// its end, if neither matches anything else in the account and no package has a
// different function with each of the two prefixes.
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
	var result Matching
	for _, pkg := range packages {
		for _, p := range m.all[pkg] {
			if prefix, ok := m.accept(p); ok {
				result.Functions = append(result.Functions, m.entry(p, prefix))
				m.mates[pkg], m.mates[p.function.Name] = p.function.Name, pkg
			}
		}
	}
	if len(result.Functions) == 0 || slices.ContainsFunc(result.Functions, func(f manifest.Function) bool { return f.Names == nil }) {
		result.Prefix = m.chosen.prefix
	}
	result.joinArchitectures()
	var names []string
	for _, d := range supported {
		names = append(names, d.Name)
	}
	for _, name := range append(names, packages...) {
		if m.mates[name] == "" {
			result.Unmatched = append(result.Unmatched, m.whyNot(name))
		}
	}
	result.Example = m.example(result.Prefix, supported, packages)
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
		slices.ContainsFunc(p.readings, func(r reading) bool { return kindOf(r.prefix, m.env) == foreign }) {
		return "", false
	}
	for _, r := range p.readings {
		if (r.prefix == "" || kindOf(r.prefix, m.env) == own && isWhole(r.prefix, m.env)) && !m.tallies[r.prefix].conflicts(m.chosen) {
			return r.prefix, true
		}
	}
	return "", false
}

// entry returns the entry of lambdas.json for p, given the prefix of its name.
func (m *matcher) entry(p *pair, prefix string) manifest.Function {
	r := p.reading(prefix)
	if prefix == m.chosen.prefix && !r.generated {
		return entry(p.function, p.function.Name[len(prefix):], p.pkg)
	}
	name := p.function.Name[len(prefix):]
	if !r.exact && manifest.CheckName(r.name) == nil {
		name = r.name
	}
	f := entry(p.function, name, p.pkg)
	f.Names = map[string]string{m.env: p.function.Name}
	return f
}

// entry returns the entry of lambdas.json for a function.
func entry(d Deployed, name, pkg string) manifest.Function {
	f := manifest.Function{Name: name, Package: pkg, Dual: d.Runtime == lambda.Go1x}
	if f.Dual && d.Handler != lambda.LegacyBinary && manifest.CheckHandler(d.Handler) == nil {
		f.Handler = d.Handler
	}
	if !f.Dual && slices.Contains(lambda.Origins(), d.Runtime) {
		f.RollbackTo = d.Runtime
	}
	if d.Architecture == lambda.ARM64 {
		f.Architecture = lambda.ARM64
	}
	return f
}
