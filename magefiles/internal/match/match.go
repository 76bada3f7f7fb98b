package match

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/manifest"
)

// Deployed is a function on AWS, in the words of ListFunctions.
type Deployed struct {
	Name        string
	Runtime     string // empty for a container image
	PackageType string // "Image", or "Zip" or empty
}

// takesPart reports whether the function can be one that dualboot deploys.
func (d Deployed) takesPart() bool {
	return d.PackageType != string(types.PackageTypeImage) && slices.Contains([]types.Runtime{
		types.RuntimeGo1x, types.RuntimeProvided, types.RuntimeProvidedal2, types.RuntimeProvidedal2023,
	}, types.Runtime(d.Runtime))
}

// Matching is which packages are which functions on AWS.
type Matching struct {
	// Prefix is the environment's.
	Prefix string

	// Functions are the pairs, in the order of the packages. Each has the name
	// on AWS without the prefix; one that lacks the prefix has its full name in
	// Names. Dual is true for those on go1.x.
	Functions []manifest.Function

	// Unmatched are the zips on go1.x and provided.* without a package, by
	// name, and then the packages without a function, in their order.
	Unmatched []Unmatched
}

// Unmatched is a function on AWS or a package that was paired with nothing.
type Unmatched struct {
	Function string // its name on AWS; empty for a package
	Package  string // empty for a function
	Reason   string
}

// Match pairs functions on AWS with packages, as [Packages] returns them, for a
// new environment called env. It goes by names alone, and where they leave a
// doubt it pairs nothing. Only zips on go1.x and provided.* take part.
//
// A function may be built from a package if its name ends like the package's
// path: ./services/orders/stream is "stream", "orders-stream" or
// "services-orders-stream", and ./orders/cmd is "orders", since cmd and the like
// say nothing. "_" is as good as "-", and case does not count. What stands
// before that is the prefix: empty, or ending with "-" or "_".
//
// A function and a package are a pair if, with the environment's prefix, they
// match nothing else. That prefix is the one with most pairs. One that names the
// environment, such as "prod-", comes before the others, unless one of these has
// more pairs and no package is in a pair with both: that would show that they
// are different environments. One that names another environment, such as
// "stg-", is never taken, and neither is one of two that are equally likely.
//
// A package that nothing matches with that prefix is paired with a function that
// has none at all, or another one that names the environment, if they match
// nothing else in the account and no package is in a pair with both prefixes.
func Match(env string, deployed []Deployed, packages []string) Matching {
	byName := func(a, b Deployed) int { return cmp.Compare(a.Name, b.Name) }
	var zips, others []Deployed
	for _, d := range slices.SortedFunc(slices.Values(deployed), byName) {
		if d.takesPart() {
			zips = append(zips, d)
		} else {
			others = append(others, d)
		}
	}
	m := newMatcher(env, pairUp(zips, packages), pairUp(others, packages))
	result := Matching{Prefix: m.prefix}
	mates := map[string]string{} // what is paired, both ways
	for _, pkg := range packages {
		for _, p := range m.all[pkg] {
			if prefix, ok := m.accept(p); ok {
				result.Functions = append(result.Functions, p.entry(env, m.prefix, prefix))
				mates[pkg], mates[p.function.Name] = p.function.Name, pkg
			}
		}
	}
	for _, d := range zips {
		if mates[d.Name] == "" {
			result.Unmatched = append(result.Unmatched, Unmatched{Function: d.Name, Reason: m.whyNot(d.Name, mates)})
		}
	}
	for _, pkg := range packages {
		if mates[pkg] == "" {
			result.Unmatched = append(result.Unmatched, Unmatched{Package: pkg, Reason: m.whyNot(pkg, mates)})
		}
	}
	return result
}

// entry returns what lambdas.json says of p, whose name has the prefix that is
// given, while the environment's is regular.
func (p *pair) entry(env, regular, prefix string) manifest.Function {
	f := manifest.Function{
		Name:    p.function.Name[len(prefix):],
		Package: p.pkg,
		Dual:    p.function.Runtime == string(types.RuntimeGo1x),
	}
	if prefix != regular {
		f.Names = map[string]string{env: p.function.Name}
	}
	return f
}
