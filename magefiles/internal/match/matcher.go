package match

import (
	"fmt"
	"slices"
	"strings"
)

// A matcher decides which of the pairs are meant.
type matcher struct {
	env     string
	tallies map[string]tally // by prefix
	prefix  string           // of the environment
	doubt   string           // why there is none; empty if there is
	all     map[string]pairs // by function and by package
	regular map[string]pairs // the same, of those with the prefix
	barred  map[string]pairs // the same, of those that do not take part
}

func newMatcher(env string, ps, barred pairs) *matcher {
	m := &matcher{env: env, tallies: map[string]tally{}, all: ps.byName()}
	byPrefix := ps.byPrefix()
	for s, with := range byPrefix {
		m.tallies[s] = newTally(s, env, with)
	}
	m.prefix, m.doubt = choose(env, m.tallies)
	if m.doubt == "" {
		m.regular = byPrefix[m.prefix].byName()
	}
	m.barred = barred.byPrefix()[m.prefix].byName()
	return m
}

// accept returns the prefix with which p is surely meant.
func (m *matcher) accept(p *pair) (prefix string, ok bool) {
	if m.doubt != "" {
		return "", false
	}
	if len(m.regular[p.pkg]) > 0 {
		return m.prefix, m.tallies[m.prefix].functions[p.pkg] == p.function.Name
	}
	if len(m.all[p.pkg]) > 1 || len(m.all[p.function.Name]) > 1 ||
		slices.ContainsFunc(p.prefixes, func(s string) bool { return kindOf(s, m.env) == foreign }) {
		return "", false
	}
	for _, s := range p.prefixes {
		if (s == "" || kindOf(s, m.env) == own) && !m.tallies[s].apart(m.tallies[m.prefix]) {
			return s, true
		}
	}
	return "", false
}

// whyNot returns why the function or package called name has no mate.
func (m *matcher) whyNot(name string, mates map[string]string) string {
	scope := func(name string) pairs { return m.regular[name] }
	if len(m.regular[name]) == 0 {
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
	case mates[other] != "":
		return fmt.Sprintf("%s is %s", other, mates[other])
	case len(rivals) > 1:
		return fmt.Sprintf("%s may be %s", other, anyOf(rivals, other))
	default:
		return fmt.Sprintf("like %s, but with prefix %q instead of %q", other, found[0].prefixes[0], m.prefix)
	}
}

// nothingLike is whyNot for what is in no pair.
func (m *matcher) nothingLike(name string) string {
	if !strings.HasPrefix(name, ".") {
		return "no package has a name like it"
	}
	for _, p := range m.barred[name] {
		if p.function.Runtime == "" {
			return p.function.Name + " is a container image"
		}
		return p.function.Name + " is on " + p.function.Runtime
	}
	return "no function on go1.x or provided.* has a name like it"
}

// anyOf returns the other sides of the pairs of name: "a, b or c", or the first
// few of more.
func anyOf(ps pairs, name string) string {
	others := make([]string, len(ps))
	for i, p := range ps {
		others[i] = p.other(name)
	}
	const most = 4
	if more := len(others) - most; more > 1 {
		return fmt.Sprintf("%s or one of %d more", strings.Join(others[:most], ", "), more)
	}
	last := len(others) - 1
	return strings.Join(others[:last], ", ") + " or " + others[last]
}
