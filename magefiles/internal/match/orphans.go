package match

import (
	"cmp"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// migrated is why a function on provided.al2023 gets no entry without sources.
const migrated = "it is on " + lambda.ProvidedAL2023 + " already, and no package has a similar name"

// Orphans returns entries without sources for the functions to migrate that are like no
// package, sorted by function name, and takes them out of what is unmatched. Functions
// whose names name another environment than env stay there, and so do those on
// provided.al2023.
func (m *Matching) Orphans(env string, deployed []Deployed) (orphans []manifest.Function) {
	taken := map[string]bool{} // names in lower case
	runtimes := map[string]string{}
	for _, d := range deployed {
		runtimes[d.Name] = d.Runtime
	}
	for _, f := range m.Functions {
		taken[strings.ToLower(f.Name)] = true
	}
	m.Unmatched = slices.DeleteFunc(m.Unmatched, func(u Unmatched) bool {
		if !u.Alone || !slices.Contains(lambda.Origins(), runtimes[u.Name]) || kindOf(u.Name, env) == foreign {
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
		if runtime := runtimes[u.Name]; runtime != lambda.Go1x {
			f.RollbackTo = runtime
		}
		taken[strings.ToLower(f.Name)] = true
		orphans = append(orphans, f)
		return true
	})
	for i, u := range m.Unmatched {
		if u.Alone && runtimes[u.Name] == lambda.ProvidedAL2023 {
			m.Unmatched[i].Reason, m.Unmatched[i].Group = migrated, migrated
		}
	}
	if e := m.Example; e != nil && slices.ContainsFunc(orphans, func(f manifest.Function) bool {
		return functionName(f, m.Prefix, env) == functionName(*e, m.Prefix, env)
	}) {
		m.Example = nil
	}
	return orphans
}

// functionName returns the name on AWS of a function in an environment.
func functionName(f manifest.Function, prefix, env string) string {
	return cmp.Or(f.Names[env], prefix+f.Name)
}
