package match

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/manifest"
)

// whyNot returns why the function or package has no mate.
func (m *matcher) whyNot(name string) Unmatched {
	u := Unmatched{Name: name}
	mine, theirs := "package", "function" // what is similar to name, and to that
	if u.IsPackage() {
		mine, theirs = theirs, mine
	}
	scope := func(name string) pairs { return m.chosen.by[name] }
	if len(m.chosen.by[name]) == 0 {
		scope = func(name string) pairs { return m.all[name].closest() }
	}
	found := scope(name)
	switch {
	case len(found) == 0:
		u.Reason, u.Group = m.nothingLike(u)
		u.Alone = !u.IsPackage()
		return u
	case m.doubt != "":
		u.Reason, u.Group = m.doubt, m.doubt
		return u
	case len(found) > 1:
		u.Reason = "it may be " + anyOf(found, name)
		u.Group = fmt.Sprintf("more than one %s has a similar name", mine)
		return u
	}
	other := found[0].other(name)
	switch rivals := scope(other); {
	case m.mates[other] != "":
		u.Reason = fmt.Sprintf("%s is %s", other, m.mates[other])
		u.Group = fmt.Sprintf("other %ss already use the %ss with similar names", theirs, mine)
	case len(rivals) > 1:
		u.Reason = fmt.Sprintf("%s may be %s", other, anyOf(rivals, other))
		u.Group = fmt.Sprintf("other %ss may use the %ss with similar names", theirs, mine)
	default:
		u.Reason = fmt.Sprintf("like %s, but with prefix %q instead of %q", other, found[0].readings[0].prefix, m.chosen.prefix)
		u.Group = fmt.Sprintf("like %ss, but not with prefix %q", mine, m.chosen.prefix)
	}
	return u
}

// nothingLike is whyNot for a function or package that is in no pair.
func (m *matcher) nothingLike(u Unmatched) (reason, group string) {
	if !u.IsPackage() {
		const reason = "no package has a similar name"
		return reason, reason
	}
	barred := m.barred[u.Name]
	if len(barred) == 0 {
		const reason = "no function on go1.x or provided.* has a similar name"
		return reason, reason
	}
	d := barred[0].function
	reason = d.Name + " is on " + d.Runtime
	if d.Runtime == "" {
		reason = d.Name + " is a container image"
	}
	return reason, "the similar functions are container images, or on other runtimes"
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

// example returns an entry for the first function without a mate that is like a
// package without one, or else for the first that is like no package. Functions
// of other environments are no examples. The entry names the function if that is
// not the prefix of lambdas.json and the name.
func (m *matcher) example(prefix string, deployed []Deployed, packages []string) *manifest.Function {
	var other *manifest.Function
	for _, d := range deployed {
		if m.mates[d.Name] != "" || kindOf(d.Name, m.env) == foreign {
			continue
		}
		like := m.all[d.Name]
		if i := slices.IndexFunc(like, func(p *pair) bool { return m.mates[p.pkg] == "" }); i >= 0 {
			return m.named(prefix, d, like[i].readings[0].name, like[i].pkg)
		}
		if other == nil && len(like) == 0 {
			all := forms(d.Name)
			name := strings.Join(words(strings.TrimPrefix(all[len(all)-1].name, m.chosen.prefix)), "-")
			other = m.named(prefix, d, name, beside(packages)+name)
		}
	}
	return other
}

// named returns an entry that leads to the function with the prefix.
func (m *matcher) named(prefix string, d Deployed, name, pkg string) *manifest.Function {
	f := entry(d, name, pkg)
	if prefix+name != d.Name {
		f.Names = map[string]string{m.env: d.Name}
	}
	return &f
}

// beside returns the directory of the first package, with a slash.
func beside(packages []string) string {
	if len(packages) == 0 || packages[0] == "." {
		return "./functions/"
	}
	return "./" + strings.TrimPrefix(path.Dir(packages[0])+"/", "./")
}
