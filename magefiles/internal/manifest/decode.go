package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A decoder turns the tree of a manifest into a Manifest and collects what is
// wrong on the way, so that everything is reported at once.
type decoder struct {
	manifest  Manifest
	functions []functionNodes // as in manifest.Functions
	complete  bool            // whether the environments were read to their end
	findings  []finding
}

// functionNodes are the places of one function's values. Those that are missing
// or wrong in themselves are nil, and need no further check.
type functionNodes struct {
	name, pkg *node
	names     map[string]*node
}

// decode decodes the manifest and checks all that can be checked without a look
// at the disk.
func decode(file string, data []byte) *decoder {
	root, broken := parseTree(data)
	d := &decoder{manifest: Manifest{source: source{file, data, root}}}
	if bomLength(data) > 0 {
		d.findings = append(d.findings, finding{0, "", "the file begins with a byte order mark", "save it as UTF-8 without one"})
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
		return nil, locate(d.manifest.source.file, d.manifest.source.data, d.findings)
	}
	return &d.manifest, nil
}

// report records a problem with the value n.
func (d *decoder) report(n *node, message, hint string) {
	d.findings = append(d.findings, finding{n.start, n.pointer(), message, hint})
}

// reportName records a problem with the name of the member n.
func (d *decoder) reportName(n *node, message, hint string) {
	d.findings = append(d.findings, finding{n.nameStart, n.pointer(), message, hint})
}

func (d *decoder) decodeManifest(n *node) {
	m := &d.manifest
	d.object(n,
		field{"$schema", optional, func(n *node) { m.Schema, _ = d.text(n) }},
		field{"environments", required, d.decodeEnvironments},
		field{"functions", required, d.decodeFunctions},
	)
}

func (d *decoder) decodeEnvironments(n *node) {
	d.manifest.Environments = map[string]Environment{}
	d.complete = n.kind == jsontext.KindBeginObject && n.end > 0
	d.members(n, func(name string, n *node) {
		if message, hint, ok := environmentRule.check(name); !ok {
			if lower := strings.ToLower(name); environmentRule.pattern.MatchString(lower) {
				hint = fmt.Sprintf("write %q", lower)
			}
			d.reportName(n, message, hint)
		}
		d.manifest.Environments[name] = d.decodeEnvironment(name, n)
	})
	if d.complete && len(n.children) == 0 {
		d.report(n, "no environments", `there must be one, such as "prod": {"profile": "our_prod"}`)
	}
}

func (d *decoder) decodeEnvironment(name string, n *node) Environment {
	e := Environment{Name: name, Dual: true, Settle: DefaultSettle}
	d.object(n,
		field{"profile", optional, func(n *node) { e.Profile, _ = d.match(n, profileRule.check) }},
		field{"region", optional, func(n *node) { e.Region, _ = d.match(n, regionRule.check) }},
		field{"prefix", optional, func(n *node) { e.Prefix, _ = d.match(n, prefixRule.check) }},
		field{"account", optional, func(n *node) { e.Account, _ = d.match(n, accountRule.check) }},
		field{"dual", optional, func(n *node) { e.Dual = d.boolean(n) }},
		field{"settle", optional, func(n *node) {
			if n.kind == jsontext.KindNumber {
				d.report(n, "expected a string, found a number", fmt.Sprintf("write %s, with the unit", quote(d.raw(n)+"s")))
				return
			}
			d.match(n, func(s string) (message, hint string, ok bool) {
				e.Settle, message, hint, ok = checkSettle(s)
				return message, hint, ok
			})
		}},
		field{"calls", optional, func(n *node) { e.Calls = d.calls(n) }},
		field{"terraform", optional, func(n *node) { e.Terraform, _ = d.match(n, checkTerraform) }},
	)
	return e
}

// calls returns the number of calls a second n.
func (d *decoder) calls(n *node) float64 {
	if !d.is(n, jsontext.KindNumber) {
		return 0
	}
	calls, err := strconv.ParseFloat(d.raw(n), 64)
	if err != nil || calls < 1 || calls > MaxCalls {
		d.report(n, fmt.Sprintf("%s is not a number of calls a second from 1 to %d", d.raw(n), MaxCalls), "AWS takes 15 a second from everybody in the account and region")
	}
	return calls
}

func (d *decoder) decodeFunctions(n *node) {
	d.manifest.Functions, d.functions = nil, nil
	d.elements(n, func(n *node) {
		f, nodes := d.decodeFunction(n)
		d.manifest.Functions = append(d.manifest.Functions, f)
		d.functions = append(d.functions, nodes)
	})
	if n.kind == jsontext.KindBeginArray && n.end > 0 && len(n.children) == 0 {
		d.report(n, "no functions", `there must be one, such as {"name": "example-api", "package": "./functions/example-api"}`)
	}
}

func (d *decoder) decodeFunction(n *node) (Function, functionNodes) {
	f, nodes := Function{Dual: true}, functionNodes{names: map[string]*node{}}
	d.object(n,
		field{"name", required, func(n *node) {
			var ok bool
			if f.Name, ok = d.match(n, functionRule.check); ok {
				nodes.name = n
			}
		}},
		field{"package", required, func(n *node) {
			if s, ok := d.match(n, checkPackage); ok {
				f.Package, nodes.pkg = dotSlash(s), n
			}
		}},
		field{"tags", optional, func(n *node) { f.Tags = d.decodeTags(n) }},
		field{"dual", optional, func(n *node) { f.Dual = d.boolean(n) }},
		field{"names", optional, func(n *node) {
			f.Names = map[string]string{}
			d.members(n, func(environment string, n *node) {
				if name, ok := d.match(n, functionRule.check); ok {
					f.Names[environment] = name
				}
				nodes.names[environment] = n
			})
		}},
	)
	return f, nodes
}

func (d *decoder) decodeTags(n *node) []string {
	var tags []string
	d.elements(n, func(n *node) {
		tag, ok := d.match(n, tagRule.check)
		switch {
		case !ok:
		case tag == legacyTag:
			d.report(n, fmt.Sprintf("build tag %q leaves out of the legacy binary what go1.x needs", tag), "remove it: the build sets it for bootstrap")
		case slices.Contains(tags, tag):
			d.report(n, fmt.Sprintf("duplicate build tag %q", tag), "remove it")
		default:
			tags = append(tags, tag)
		}
	})
	return tags
}

const (
	required = true
	optional = false
)

// A field is a known member of an object.
type field struct {
	name     string
	required bool
	decode   func(*node)
}

// object decodes the members of the object n, of which fields are the known
// ones.
func (d *decoder) object(n *node, fields ...field) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	meant := map[string]bool{} // the fields that are there, or meant to be
	d.members(n, func(name string, member *node) {
		if i := slices.Index(known, name); i >= 0 {
			meant[name] = true
			fields[i].decode(member)
			return
		}
		other, ok := nearest(name, known)
		if ok && strings.EqualFold(other, name) {
			d.reportName(member, fmt.Sprintf("unknown member %s", quote(name)), fmt.Sprintf("write %q, in lower case", other))
			if !meant[other] {
				fields[slices.Index(known, other)].decode(member)
			}
		} else {
			d.reportName(member, fmt.Sprintf("unknown member %s", quote(name)), suggest(name, known))
		}
		if ok {
			meant[other] = true
		}
	})
	if n.kind != jsontext.KindBeginObject || n.end == 0 {
		return
	}
	for _, f := range fields {
		if f.required && !meant[f.name] {
			d.report(n, fmt.Sprintf("missing member %q", f.name), "")
		}
	}
}

// members calls each with the members of the object n, and reports those that
// are there twice.
func (d *decoder) members(n *node, each func(name string, member *node)) {
	if !d.is(n, jsontext.KindBeginObject) {
		return
	}
	seen := map[string]bool{}
	for _, member := range n.children {
		if seen[member.name] {
			d.reportName(member, fmt.Sprintf("duplicate member %s", quote(member.name)), "keep one of the two")
		}
		seen[member.name] = true
		each(member.name, member)
	}
}

// elements calls each with the elements of the array n.
func (d *decoder) elements(n *node, each func(element *node)) {
	if !d.is(n, jsontext.KindBeginArray) {
		return
	}
	for _, element := range n.children {
		each(element)
	}
}

// match returns the string n if check accepts it.
func (d *decoder) match(n *node, check func(string) (message, hint string, ok bool)) (string, bool) {
	s, ok := d.text(n)
	if !ok {
		return "", false
	}
	if message, hint, ok := check(s); !ok {
		d.report(n, message, hint)
		return "", false
	}
	return s, true
}

func (d *decoder) text(n *node) (string, bool) {
	return n.text, d.is(n, jsontext.KindString)
}

func (d *decoder) boolean(n *node) bool {
	if n.kind == jsontext.KindFalse {
		return false
	}
	return d.is(n, jsontext.KindTrue)
}

// raw returns the value n as it stands in the file.
func (d *decoder) raw(n *node) string {
	return string(d.manifest.source.data[n.start:max(n.start, n.end)])
}

// is reports whether n is of the kind, and if it is not, records that.
func (d *decoder) is(n *node, kind jsontext.Kind) bool {
	if n.kind == kind {
		return true
	}
	hint := ""
	raw := d.raw(n)
	switch {
	case n.kind == jsontext.KindNull && n.parent != nil:
		hint = "give it a value or leave it out"
	case kind == jsontext.KindString && n.kind == jsontext.KindNumber:
		hint = "write " + quote(raw)
	case kind == jsontext.KindNumber && jsontext.Value(n.text).Kind() == jsontext.KindNumber:
		hint = fmt.Sprintf("write %s without quotes", n.text)
	case kind == jsontext.KindTrue && (n.text == "true" || n.text == "false"):
		hint = fmt.Sprintf("write %s without quotes", n.text)
	case kind == jsontext.KindBeginArray && n.kind == jsontext.KindString && len(raw) <= longest:
		hint = fmt.Sprintf("write [%s]", raw)
	}
	wanted, found := kindName(kind), kindName(n.kind)
	if kind == jsontext.KindTrue {
		wanted = "true or false"
	}
	d.report(n, fmt.Sprintf("expected %s, found %s", wanted, found), hint)
	return false
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull, jsontext.KindTrue, jsontext.KindFalse:
		return kind.String()
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	default:
		return "an array"
	}
}
