package match

import (
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Orphans returns entries without sources for the functions to migrate that are like no
// package, sorted by function name, and takes them out of what is unmatched. Functions
// whose names name another environment than env stay there, and so do those on
// provided.al2023.
func (m *Matching) Orphans(env string, deployed []Deployed) (orphans []manifest.Function) {
	taken := map[string]bool{} // names in lower case
	for _, f := range m.Functions {
		taken[strings.ToLower(f.Name)] = true
	}
	m.Unmatched = slices.DeleteFunc(m.Unmatched, func(u Unmatched) bool {
		i := slices.IndexFunc(deployed, func(d Deployed) bool { return d.Name == u.Name })
		if !u.Alone || i < 0 || !slices.Contains(lambda.Origins(), deployed[i].Runtime) || kindOf(u.Name, env) == foreign {
			return false
		}
		f := manifest.Function{Name: u.Name, Source: manifest.Deployed, Dual: true}
		if name, ok := strings.CutPrefix(u.Name, m.Prefix); ok && manifest.CheckName(name) == nil && !taken[strings.ToLower(name)] {
			f.Name = name
		} else {
			f.Names = map[string]string{env: u.Name}
		}
		if taken[strings.ToLower(f.Name)] {
			return false
		}
		if runtime := deployed[i].Runtime; runtime != lambda.Go1x {
			f.RollbackTo = runtime
		}
		taken[strings.ToLower(f.Name)] = true
		orphans = append(orphans, f)
		return true
	})
	if len(orphans) > 0 && !slices.ContainsFunc(m.Unmatched, func(u Unmatched) bool { return !u.IsPackage() }) {
		m.Example = nil
	}
	return orphans
}
