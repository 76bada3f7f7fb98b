package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/dualboot/magefiles/internal/lambda"
)

// A decoder turns the tree of a manifest into a Manifest and collects all
// problems on the way. A missing node is nil and decodes to the default.
type decoder struct {
	manifest  Manifest // without functions
	functions []function
	complete  bool // the environments were read to their end
	findings  []finding
}

// A function is a Function with its members. Values with a fault are empty.
type function struct {
	Function
	members map[string]*node
}

// decode decodes the manifest and checks it without the packages.
func decode(file string, data []byte) *decoder {
	data, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	root, broken := parseTree(data)
	d := &decoder{manifest: Manifest{source: source{file, data, root}}}
	if marked {
		d.findings = append(d.findings, finding{0, "", fault{"the file begins with a byte order mark", "save it as UTF-8 without one"}})
	}
	if broken != nil {
		d.findings = append(d.findings, *broken)
	}
	if root != nil {
		d.decodeManifest(root)
		d.checkNames()
	}
	return d
}

// result returns the manifest, or the problems if there are any.
func (d *decoder) result() (*Manifest, error) {
	if len(d.findings) > 0 {
		return nil, errors.Join(d.manifest.source.problems(d.findings)...)
	}
	for _, f := range d.functions {
		d.manifest.Functions = append(d.manifest.Functions, f.Function)
	}
	return &d.manifest, nil
}

// report records a problem with the value n.
func (d *decoder) report(n *node, message, hint string) {
	d.findings = append(d.findings, finding{n.start, n.pointer(), fault{message, hint}})
}

// reportKey records a problem with the name of the member n.
func (d *decoder) reportKey(n *node, message, hint string) {
	d.findings = append(d.findings, finding{n.key.start, n.pointer(), fault{message, hint}})
}

func (d *decoder) decodeManifest(n *node) {
	required := []string{"environments", "functions"}
	m := d.object(n, required, "$schema", "architecture", "layerArchitectures", "single", "snapshot", "environments", "functions")
	d.manifest.Schema = d.text(m["$schema"], func(string) *fault { return nil })
	d.manifest.Architecture = d.text(m["architecture"], checkArchitecture)
	d.manifest.LayerArchitectures = d.layerArchitectures(m["layerArchitectures"])
	d.manifest.Single = d.optional(m["single"])
	d.manifest.Snapshot = d.optional(m["snapshot"])
	d.manifest.Environments = d.decodeEnvironments(m["environments"])
	for _, n := range d.elements(m["functions"]) {
		d.functions = append(d.functions, d.decodeFunction(n))
	}
	if n := m["functions"]; n.isComplete(jsontext.KindBeginArray) && len(n.children) == 0 {
		d.report(n, "no functions", `add one, such as {"name": "example-api", "package": "./functions/example-api"}`)
	}
}

func (d *decoder) decodeEnvironments(n *node) map[string]Environment {
	environments := map[string]Environment{}
	for _, n := range d.members(n) {
		name := n.key.text
		if f := environmentRule.check(name); f != nil {
			if lower := strings.ToLower(name); environmentRule.check(lower) == nil {
				f.hint = fmt.Sprintf("write %q", lower)
			}
			d.reportKey(n, f.message, f.hint)
		}
		environments[name] = d.decodeEnvironment(name, n)
	}
	d.complete = n.isComplete(jsontext.KindBeginObject)
	if d.complete && len(n.children) == 0 {
		d.report(n, "no environments", `add one, such as "prod": {"profile": "our_prod"}`)
	}
	return environments
}

func (d *decoder) decodeEnvironment(name string, n *node) Environment {
	m := d.object(n, nil, "profile", "region", "prefix", "account", "dual", "settle", "calls", "bucket",
		"architecture", "layerArchitectures", "single", "snapshot", "terraform", "terraformVarFiles", "rollbackTo")
	if files := m["terraformVarFiles"]; files != nil && m["terraform"] == nil {
		d.reportKey(files, `"terraformVarFiles" without "terraform"`, `add the directory of the Terraform files as "terraform"`)
	}
	return Environment{
		Name:               name,
		Profile:            d.text(m["profile"], profileRule.check),
		Region:             d.text(m["region"], regionRule.check),
		Prefix:             d.text(m["prefix"], prefixRule.check),
		Account:            d.text(m["account"], accountRule.check),
		Dual:               d.boolean(m["dual"]),
		Settle:             d.settle(m["settle"]),
		Calls:              d.calls(m["calls"]),
		Bucket:             d.text(m["bucket"], checkBucket),
		Architecture:       d.text(m["architecture"], checkArchitecture),
		LayerArchitectures: d.layerArchitectures(m["layerArchitectures"]),
		Single:             d.optional(m["single"]),
		Snapshot:           d.optional(m["snapshot"]),
		Terraform:          d.text(m["terraform"], checkTerraform),
		TerraformVarFiles:  d.texts(m["terraformVarFiles"], "variable file", checkTerraformVarFile),
		RollbackTo:         d.text(m["rollbackTo"], checkRollbackTo),
	}
}

func (d *decoder) settle(n *node) time.Duration {
	switch {
	case n == nil:
		return DefaultSettle
	case n.kind == jsontext.KindNumber:
		d.report(n, "expected a string, found a number", fmt.Sprintf("write %s, with the unit", quote(n.text+"s")))
		return 0
	}
	settle, _ := time.ParseDuration(d.text(n, checkSettle))
	return settle
}

func (d *decoder) calls(n *node) float64 {
	if !d.is(n, jsontext.KindNumber) {
		return 0
	}
	calls, err := strconv.ParseFloat(n.text, 64)
	if err != nil || calls < 1 || calls > maxCalls {
		d.report(n, fmt.Sprintf("%s is not a number of calls per second from 1 to %d", n.text, maxCalls),
			fmt.Sprintf("AWS allows %d per second in each account and region", maxCalls))
	}
	return calls
}

func (d *decoder) decodeFunction(n *node) function {
	m := d.object(n, []string{"name", "package|source"}, "name", "package", "source", "testdata", "tags", "dual", "rollbackTo", "handler", "include", "drop",
		"architecture", "layerArchitectures", "single", "snapshot", "names")
	f := function{members: m, Function: Function{
		Name:               d.text(m["name"], functionRule.check),
		Package:            d.text(m["package"], checkPackage),
		Source:             d.text(m["source"], checkSource),
		Testdata:           d.text(m["testdata"], testdataRule.check),
		Tags:               d.texts(m["tags"], "build tag", checkTag),
		Dual:               d.boolean(m["dual"]),
		RollbackTo:         d.text(m["rollbackTo"], checkRollbackTo),
		Handler:            d.text(m["handler"], checkHandler),
		Include:            d.texts(m["include"], "pattern", checkInclude),
		Drop:               d.texts(m["drop"], "pattern", checkDrop),
		Architecture:       d.text(m["architecture"], checkArchitecture),
		LayerArchitectures: d.layerArchitectures(m["layerArchitectures"]),
		Single:             d.optional(m["single"]),
		Snapshot:           d.optional(m["snapshot"]),
	}}
	if f.Package != "" {
		f.Package = dotSlash(f.Package)
	}
	d.checkSourceMembers(m)
	if f.RollbackTo == lambda.Go1x && !f.Dual {
		d.report(m["rollbackTo"], fmt.Sprintf(`"rollbackTo" is %q, and "dual": false leaves its binary out of the zip`, lambda.Go1x),
			`remove "dual", or name the runtime that the function had`)
	}
	if names := m["names"]; names != nil {
		f.Names = map[string]string{}
		for _, n := range d.members(names) {
			f.Names[n.key.text] = d.text(n, functionRule.check)
		}
	}
	return f
}

// checkSourceMembers reports the members of a function that say how to build it or
// what its zip has, if the deployed zip says that.
func (d *decoder) checkSourceMembers(m map[string]*node) {
	if m["source"] == nil {
		if n := m["testdata"]; n != nil && m["package"] != nil {
			d.reportKey(n, `"testdata" beside "package"`, "remove it: the events of a package are in its directory testdata")
		}
		return
	}
	for _, name := range []string{"package", "tags", "dual", "include", "drop", "architecture", "layerArchitectures", "single"} {
		hint := "remove it: the zip is made from the deployed one"
		if name == "package" {
			hint = "remove one of them: the zip is either built or made from the deployed one"
		}
		if m[name] != nil {
			d.reportKey(m[name], fmt.Sprintf(`%q beside "source"`, name), hint)
		}
	}
}

// layerArchitectures returns the architectures in the array n, of which there is
// at least one.
func (d *decoder) layerArchitectures(n *node) []string {
	if n.isComplete(jsontext.KindBeginArray) && len(n.children) == 0 {
		d.report(n, "no architectures", fmt.Sprintf("write [%q], or leave it out", lambda.ARM64))
	}
	return d.texts(n, "architecture", checkArchitecture)
}

// texts returns the strings in the array n, with "" for one with a fault, and
// reports duplicates. Messages call a string what.
func (d *decoder) texts(n *node, what string, check func(string) *fault) []string {
	var texts []string
	for _, n := range d.elements(n) {
		s := d.text(n, check)
		if s != "" && slices.Contains(texts, s) {
			d.report(n, fmt.Sprintf("duplicate %s %s", what, quote(s)), "remove it")
		}
		texts = append(texts, s)
	}
	return texts
}

// object returns the known members of the object n by name, even if the case is
// wrong, and reports all others and those that are required but missing. Of
// required members with a | between them, one is enough.
func (d *decoder) object(n *node, required []string, known ...string) map[string]*node {
	found := map[string]*node{}
	misspelled := map[string]bool{}
	for _, member := range d.members(n) {
		name := member.key.text
		if slices.Contains(known, name) {
			found[name] = member
			continue
		}
		near, ok := nearest(name, known)
		hint := suggest(name, known)
		if ok && strings.EqualFold(near, name) {
			hint = fmt.Sprintf("write %q", near)
			if near == strings.ToLower(near) {
				hint += ", in lower case"
			}
			if found[near] == nil {
				found[near] = member
			}
		}
		d.reportKey(member, fmt.Sprintf("unknown member %s", quote(name)), hint)
		misspelled[near] = true
	}
	for _, names := range required {
		names := strings.Split(names, "|")
		if n.isComplete(jsontext.KindBeginObject) && !slices.ContainsFunc(names, func(name string) bool { return found[name] != nil || misspelled[name] }) {
			d.report(n, fmt.Sprintf("missing member %q", names[0]), "")
		}
	}
	return found
}

// members returns the members of the object n, and reports duplicates.
func (d *decoder) members(n *node) []*node {
	if !d.is(n, jsontext.KindBeginObject) {
		return nil
	}
	seen := map[string]bool{}
	for _, member := range n.children {
		if name := member.key.text; seen[name] {
			d.reportKey(member, fmt.Sprintf("duplicate member %s", quote(name)), "keep one of the two")
		}
		seen[member.key.text] = true
	}
	return n.children
}

// elements returns the elements of the array n.
func (d *decoder) elements(n *node) []*node {
	if !d.is(n, jsontext.KindBeginArray) {
		return nil
	}
	return n.children
}

// text returns the string n, or "" if check finds a fault.
func (d *decoder) text(n *node, check func(string) *fault) string {
	if !d.is(n, jsontext.KindString) {
		return ""
	}
	if f := check(n.text); f != nil {
		d.report(n, f.message, f.hint)
		return ""
	}
	return n.text
}

// boolean returns the value of n, which is true by default.
func (d *decoder) boolean(n *node) bool {
	return n == nil || n.kind != jsontext.KindFalse && d.is(n, jsontext.KindTrue)
}

// optional returns the value of n, and nil by default.
func (d *decoder) optional(n *node) *bool {
	if n == nil {
		return nil
	}
	value := d.boolean(n)
	return &value
}

// is reports whether n is of the kind. It records a problem if n is of another
// kind.
func (d *decoder) is(n *node, kind jsontext.Kind) bool {
	if n == nil || n.kind == kind {
		return n != nil
	}
	hint := ""
	switch {
	case n.kind == jsontext.KindNull && n.parent != nil:
		hint = "give it a value or leave it out"
	case kind == jsontext.KindString && n.kind == jsontext.KindNumber:
		hint = "write " + quote(n.text)
	case kind == jsontext.KindNumber && jsontext.Value(n.text).Kind() == jsontext.KindNumber,
		kind == jsontext.KindTrue && (n.text == "true" || n.text == "false"):
		hint = fmt.Sprintf("write %s without quotes", n.text)
	case kind == jsontext.KindBeginArray && n.kind == jsontext.KindString && len(n.text) <= longest:
		hint = fmt.Sprintf("write [%q]", n.text)
	}
	wanted := "true or false"
	if kind != jsontext.KindTrue {
		wanted = kindNames.Replace(kind.String())
	}
	d.report(n, fmt.Sprintf("expected %s, found %s", wanted, kindNames.Replace(n.kind.String())), hint)
	return false
}

var kindNames = strings.NewReplacer("string", "a string", "number", "a number", "{", "an object", "[", "an array")
