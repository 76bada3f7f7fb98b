package manifest

import (
	"fmt"
	"strings"
)

// checkNames checks that the functions' names differ from each other, here and
// on AWS, and that Lambda would accept them.
func (d *decoder) checkNames() {
	d.checkFunctionNames()
	environments := sortedKeys(d.manifest.Environments)
	for _, nodes := range d.functions {
		if !d.complete {
			break // which environments there are is not known
		}
		for name, n := range nodes.names {
			if _, ok := d.manifest.Environments[name]; !ok {
				d.reportName(n, fmt.Sprintf("no environment %s", quote(name)), suggest(name, environments))
			}
		}
	}
	for _, name := range environments {
		d.checkAWSNames(d.manifest.Environments[name])
	}
}

// checkFunctionNames reports functions whose names differ in nothing but case.
// Of those it forgets the later ones, whose names on AWS are equal as well.
func (d *decoder) checkFunctionNames() {
	first := map[string]string{}
	for i, f := range d.manifest.Functions {
		n := d.functions[i].name
		if n == nil {
			continue
		}
		folded := strings.ToLower(f.Name)
		other, taken := first[folded]
		switch {
		case !taken:
			first[folded] = f.Name
			continue
		case other == f.Name:
			d.report(n, fmt.Sprintf("duplicate function %q", f.Name), "give each function a name of its own")
		default:
			d.report(n, fmt.Sprintf("function %q differs from %q only in case", f.Name, other), "some file systems cannot hold the directories of both")
		}
		d.functions[i].name = nil
	}
}

// checkAWSNames checks the names on AWS of all functions in one environment.
func (d *decoder) checkAWSNames(e Environment) {
	first := map[string]string{}
	for i, f := range d.manifest.Functions {
		n, full := d.functions[i].name, e.FunctionName(f)
		if own, ok := d.functions[i].names[e.Name]; ok {
			n = own
			if _, ok := f.Names[e.Name]; !ok {
				continue // wrong in itself
			}
		}
		if n == nil {
			continue
		}
		if len(full) > 64 {
			d.report(n, fmt.Sprintf("%s, the name in environment %q, has %d characters", quote(full), e.Name, len(full)), "Lambda allows 64")
			continue
		}
		if other, taken := first[full]; taken {
			d.report(n, fmt.Sprintf("%s, the name in environment %q, is taken by function %q", quote(full), e.Name, other), "two functions cannot share a name on AWS")
			continue
		}
		first[full] = f.Name
	}
}
