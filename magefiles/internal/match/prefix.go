package match

import (
	"cmp"
	"fmt"
	"slices"
)

// A tally is how well a prefix does.
type tally struct {
	prefix    string
	functions map[string]string // by package: the pairs that are sure with it
	exact     int               // 1 if it is the environment's name and "-" or "_"
}

func newTally(prefix, env string, ps pairs) tally {
	t := tally{prefix: prefix, functions: map[string]string{}}
	for _, p := range ps.sure() {
		t.functions[p.pkg] = p.function.Name
	}
	if fold(prefix) == fold(env)+"-" {
		t.exact = 1
	}
	return t
}

// apart reports whether two prefixes are those of different environments: a
// package has one function with the one and another with the other.
func (t tally) apart(u tally) bool {
	for pkg, function := range t.functions {
		if other, ok := u.functions[pkg]; ok && other != function {
			return true
		}
	}
	return false
}

// compare puts the likelier tally first.
func (t tally) compare(u tally) int {
	return cmp.Or(cmp.Compare(len(u.functions), len(t.functions)), cmp.Compare(u.exact, t.exact))
}

// choose returns which of the tallies by prefix is that of the environment, as
// [Match] says. If several are equally likely, doubt says so.
func choose(env string, tallies map[string]tally) (prefix, doubt string) {
	byKind := map[kind][]tally{}
	for s, t := range tallies {
		k := kindOf(s, env)
		byKind[k] = append(byKind[k], t)
	}
	for _, list := range byKind {
		slices.SortFunc(list, func(a, b tally) int {
			return cmp.Or(a.compare(b), cmp.Compare(len(a.prefix), len(b.prefix)), cmp.Compare(a.prefix, b.prefix))
		})
	}

	list := byKind[neutral]
	if named := byKind[own]; len(named) > 0 {
		if len(list) == 0 || len(list[0].functions) <= len(named[0].functions) || list[0].apart(named[0]) {
			list = named
		}
	}
	if len(list) == 0 {
		return "", ""
	}
	best := list[0]
	for _, t := range list[1:] {
		if t.compare(best) == 0 && t.apart(best) {
			return "", fmt.Sprintf("the prefix of %s may be %q or %q", env, best.prefix, t.prefix)
		}
	}
	return best.prefix, ""
}
