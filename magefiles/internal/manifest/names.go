package manifest

import (
	"fmt"
	"strings"
)

// checkNames checks that names and function names are unique, that the function
// names are not too long, and that functions refer to existing environments.
func (d *decoder) checkNames() {
	environments := sortedKeys(d.manifest.Environments)
	first := map[string]string{} // by name in lower case
	for _, f := range d.functions {
		d.checkUnique(f, first)
		for name := range f.Names {
			if _, ok := d.manifest.Environments[name]; !ok && d.complete {
				d.reportKey(f.members["names"].member(name), fmt.Sprintf("no environment %s", quote(name)), suggest(name, environments))
			}
		}
	}
	for _, name := range environments {
		d.checkFunctionNames(d.manifest.Environments[name])
	}
}

// checkUnique reports a name that equals an earlier one except for case.
func (d *decoder) checkUnique(f function, first map[string]string) {
	folded := strings.ToLower(f.Name)
	other, taken := first[folded]
	switch {
	case f.Name == "":
	case !taken:
		first[folded] = f.Name
	case other == f.Name:
		d.report(f.members["name"], fmt.Sprintf("duplicate function %q", f.Name), "give each function its own name")
	default:
		d.report(f.members["name"], fmt.Sprintf("function %q differs from %q only in case", f.Name, other), "some file systems cannot store the directories of both")
	}
}

// checkFunctionNames checks the function names in one environment.
func (d *decoder) checkFunctionNames(e Environment) {
	first := map[string]string{}
	for _, f := range d.functions {
		full, name, n := e.FunctionName(f.Function), "", f.members["name"]
		if n != nil {
			name = n.text // even if malformed
		}
		_, own := f.Names[e.Name]
		if own {
			n = f.members["names"].member(e.Name)
		}
		other, taken := first[full]
		message := fmt.Sprintf("function name %s in environment %q ", quote(full), e.Name)
		switch {
		case full == "" || f.Name == "" && !own: // reported already
		case len(full) > maxFunctionName:
			d.report(n, message+fmt.Sprintf("has %d characters", len(full)), fmt.Sprintf("Lambda allows %d", maxFunctionName))
		case !taken:
			first[full] = name
		case other != name: // otherwise they are duplicates
			d.report(n, message+fmt.Sprintf("is taken by function %q", other), "function names are unique")
		}
	}
}
