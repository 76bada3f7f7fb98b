package match

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// pair is a function and a package with matching names.
type pair struct {
	function Deployed
	pkg      string
	readings []reading // with different prefixes, the shortest first
}

// reading returns the reading with the prefix.
func (p *pair) reading(prefix string) reading {
	return p.readings[slices.IndexFunc(p.readings, func(r reading) bool { return r.prefix == prefix })]
}

// other returns the counterpart of name.
func (p *pair) other(name string) string {
	if p.pkg == name {
		return p.function.Name
	}
	return p.pkg
}

type pairs []*pair

// pairUp returns all pairs, in the order of the packages.
func pairUp(deployed []Deployed, packages []string) pairs {
	var all pairs
	names := make([][]form, len(deployed))
	for i, d := range deployed {
		names[i] = forms(d.Name)
	}
	for _, pkg := range packages {
		candidates := candidates(pkg)
		for i, d := range deployed {
			if found := readings(names[i], candidates); len(found) > 0 {
				all = append(all, &pair{d, pkg, found})
			}
		}
	}
	return all
}

// byName returns the pairs of each function and of each package.
func (ps pairs) byName() map[string]pairs {
	by := map[string]pairs{}
	for _, p := range ps {
		by[p.pkg] = append(by[p.pkg], p)
		by[p.function.Name] = append(by[p.function.Name], p)
	}
	return by
}

// byPrefix returns the pairs with each prefix.
func (ps pairs) byPrefix() map[string]pairs {
	by := map[string]pairs{}
	for _, p := range ps {
		for _, r := range p.readings {
			by[r.prefix] = append(by[r.prefix], p)
		}
	}
	return by
}

// closest returns the pairs with the shortest prefix.
func (ps pairs) closest() pairs {
	shortest := math.MaxInt
	for _, p := range ps {
		shortest = min(shortest, len(p.readings[0].prefix))
	}
	return slices.DeleteFunc(slices.Clone(ps), func(p *pair) bool { return len(p.readings[0].prefix) > shortest })
}

// mostExact returns the pairs with the prefix without those that are not exact and
// have a function or a package of an exact one.
func (ps pairs) mostExact(prefix string) pairs {
	if !slices.ContainsFunc(ps, func(p *pair) bool { return !p.reading(prefix).exact }) {
		return ps
	}
	exact := map[string]bool{} // functions and packages
	for _, p := range ps {
		if p.reading(prefix).exact {
			exact[p.pkg], exact[p.function.Name] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(ps), func(p *pair) bool {
		return !p.reading(prefix).exact && (exact[p.pkg] || exact[p.function.Name])
	})
}

// tally is the evidence for a prefix.
type tally struct {
	prefix    string
	by        map[string]pairs  // those with the prefix, by function and by package
	functions map[string]string // by package: those that match nothing else with the prefix
	exact     int               // 1 if the prefix is the environment's name, and "-" or "_"
}

func newTally(prefix, env string, ps pairs) tally {
	ps = ps.mostExact(prefix)
	t := tally{prefix: prefix, by: ps.byName(), functions: map[string]string{}}
	for _, p := range ps {
		if len(t.by[p.pkg]) == 1 && len(t.by[p.function.Name]) == 1 {
			t.functions[p.pkg] = p.function.Name
		}
	}
	if slices.Equal(words(prefix), words(env)) {
		t.exact = 1
	}
	return t
}

// conflicts reports whether the prefixes belong to different environments: a
// package has a different function with each.
func (t tally) conflicts(u tally) bool {
	for pkg, function := range t.functions {
		if other, ok := u.functions[pkg]; ok && other != function {
			return true
		}
	}
	return false
}

// compare orders the likelier tally first.
func (t tally) compare(u tally) int {
	return cmp.Or(cmp.Compare(len(u.functions), len(t.functions)), cmp.Compare(u.exact, t.exact))
}

// choose returns the tally of the environment's prefix, by the rules of [Match]. If
// several are equally likely, doubt says so.
func choose(env string, tallies map[string]tally) (best tally, doubt string) {
	byKind := map[kind][]tally{}
	for prefix, t := range tallies {
		k := kindOf(prefix, env)
		if len(t.functions) < 2 && !isWhole(prefix, env) {
			continue
		}
		byKind[k] = append(byKind[k], t)
	}
	for _, list := range byKind {
		slices.SortFunc(list, func(a, b tally) int {
			return cmp.Or(a.compare(b), cmp.Compare(len(a.prefix), len(b.prefix)), cmp.Compare(a.prefix, b.prefix))
		})
	}
	list := byKind[neutral]
	if named := byKind[own]; len(named) > 0 &&
		(len(list) == 0 || len(list[0].functions) <= len(named[0].functions) || list[0].conflicts(named[0])) {
		list = named
	}
	if len(list) == 0 {
		return tally{}, ""
	}
	best = list[0]
	for _, t := range list[1:] {
		if t.compare(best) == 0 && t.conflicts(best) {
			return tally{}, fmt.Sprintf("the prefix of %s may be %q or %q", env, best.prefix, t.prefix)
		}
	}
	return best, ""
}
