package match

import "slices"

// A pair is a function and a package whose names match.
type pair struct {
	function Deployed
	pkg      string
	prefixes []string // with which they match, the shortest first
}

// other returns the side of p that is not called name.
func (p *pair) other(name string) string {
	if p.pkg == name {
		return p.function.Name
	}
	return p.pkg
}

type pairs []*pair

// pairUp returns all pairs, by package in the order of packages.
func pairUp(deployed []Deployed, packages []string) pairs {
	var all pairs
	for _, pkg := range packages {
		names := candidates(pkg)
		for _, d := range deployed {
			if found := prefixes(d.Name, names); len(found) > 0 {
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

// byPrefix returns the pairs that match with each prefix.
func (ps pairs) byPrefix() map[string]pairs {
	by := map[string]pairs{}
	for _, p := range ps {
		for _, s := range p.prefixes {
			by[s] = append(by[s], p)
		}
	}
	return by
}

// sure returns those pairs whose function and package are in no other.
func (ps pairs) sure() pairs {
	by := ps.byName()
	return slices.DeleteFunc(slices.Clone(ps), func(p *pair) bool {
		return len(by[p.pkg]) > 1 || len(by[p.function.Name]) > 1
	})
}

// closest returns the pairs with the shortest prefix.
func (ps pairs) closest() pairs {
	var best pairs
	for _, p := range ps {
		switch {
		case len(best) == 0 || len(p.prefixes[0]) < len(best[0].prefixes[0]):
			best = pairs{p}
		case len(p.prefixes[0]) == len(best[0].prefixes[0]):
			best = append(best, p)
		}
	}
	return best
}
