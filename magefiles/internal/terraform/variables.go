package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// Variables are values for the variables of a module, besides the variable files
// in its directory that terraform reads by itself. Later fields win over earlier
// ones, and all but Environ win over these files:
// https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
type Variables struct {
	Environ []string // NAME=VALUE as of [os.Environ]; TF_VAR_NAME sets a variable
	Files   []string // paths, as of terraform's -var-file
	Values  []string // NAME=VALUE, as of terraform's -var
}

// An assignment sets a variable.
type assignment struct {
	value cty.Value
	at    hcl.Range // if it is in a file
}

// setVariables gives the variables of the root module their values.
func (p *project) setVariables(root *module) error {
	for _, pair := range p.variables.Environ {
		name, value, ok := strings.Cut(pair, "=")
		name, set := strings.CutPrefix(name, "TF_VAR_")
		if d := root.named["var."+name]; ok && set && d != nil {
			from := given{"TF_VAR_" + name, "set TF_VAR_" + name + "=%s for terraform apply"}
			v, err := d.parse(name, value, from)
			if err != nil {
				return err
			}
			root.inputs["var."+name] = v
		}
	}
	for _, s := range slices.Concat(p.automatic, p.named) {
		set, err := s.assignments()
		if err != nil {
			return err
		}
		for name, a := range set {
			root.inputs[name] = a.value
		}
	}
	if len(p.named) == 0 {
		if err := p.findOthers(root); err != nil {
			return err
		}
	}
	return p.setValues(root)
}

// setValues sets the variables of -var.
func (p *project) setValues(root *module) error {
	for _, pair := range p.variables.Values {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return errors.New("-var= is not a list of NAME=VALUE; commas separate variables, so give a value with a comma in a file with -varfile=")
		}
		d := root.named["var."+name]
		if d == nil && len(root.unread) > 0 {
			continue // a file that dualboot does not read may declare it
		}
		if d == nil {
			return fmt.Errorf("-var=%s: the files in %s declare no variable %q", name, p.root, name)
		}
		v, err := d.parse(name, value, given{"-var=" + name, "pass -var=" + name + "=%s instead, to terraform apply as well"})
		if err != nil {
			return err
		}
		root.inputs["var."+name] = v
		delete(root.others, "var."+name)
	}
	return nil
}

// findOthers finds the variables that files set which terraform reads only with
// -var-file, as nobody named any.
func (p *project) findOthers(root *module) error {
	for _, s := range p.others {
		set, err := s.assignments()
		if err != nil {
			return err
		}
		for name, a := range set {
			if root.others[name] == nil {
				root.others[name] = &a.at
			}
		}
	}
	return nil
}

// parse parses the text that an environment variable or -var gives a variable, as
// terraform does: a string as it is, unless the type of the variable is complex.
func (d *definition) parse(name, value string, from given) (cty.Value, error) {
	if isPrimitive(d.kind) {
		return from.value(name, cty.StringVal(value)), nil
	}
	s := source{from.from, []byte(value)}
	if err := checkNesting(s); err != nil {
		return cty.NilVal, err
	}
	e, diags := hclsyntax.ParseExpression(s.data, s.file, hcl.InitialPos)
	if err := firstError(diags); err != nil {
		return cty.NilVal, err
	}
	v, diags := e.Value(nil)
	if err := firstError(diags); err != nil {
		return cty.NilVal, err
	}
	return from.value(name, v), nil
}

// isPrimitive reports whether a variable without a type, or with this one, takes
// text as it is.
func isPrimitive(kind hclsyntax.Expression) bool {
	if kind == nil {
		return true
	}
	name := hcl.ExprAsKeyword(kind)
	if name == "" { // as written before Terraform 0.12
		quoted, _ := kind.Value(nil)
		name, _ = text(quoted)
	}
	return slices.Contains([]string{"string", "number", "bool"}, name)
}

// value returns v, marked as the value of a variable that dualboot does not edit.
func (g given) value(variable string, v cty.Value) cty.Value {
	if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		return v.Mark(g)
	}
	return v.Mark(cause{fmt.Sprintf("var.%s from %s", variable, g.from), ""})
}

// assignments returns the values that a variable file sets, by var.NAME.
func (s source) assignments() (map[string]assignment, error) {
	set := map[string]assignment{}
	if strings.HasSuffix(s.file, ".json") {
		return set, s.jsonAssignments(set)
	}
	body, err := s.body()
	if err != nil {
		return nil, err
	}
	for _, b := range body.Blocks {
		return nil, fmt.Errorf("%s: a block in a variable file; it may contain only NAME = VALUE", position(b.DefRange()))
	}
	nothing := scope{module: &module{directory: &directory{}}, each: unknown("each", "")}
	for name, attr := range body.Attributes {
		set["var."+name] = assignment{nothing.value(attr.Expr), attr.SrcRange}
	}
	return set, nil
}

func (s source) jsonAssignments(set map[string]assignment) error {
	var object map[string]json.RawMessage // limits the depth, unlike hcl
	if err := json.Unmarshal(s.data, &object); err != nil {
		at := s.file
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = fmt.Sprintf("%s:%d", s.file, 1+bytes.Count(s.data[:min(int(syntax.Offset), len(s.data))], []byte("\n")))
		}
		return fmt.Errorf("%s: %w", at, err)
	}
	file, diags := hcljson.Parse(s.data, s.file)
	if err := firstError(diags); err != nil {
		return err
	}
	attrs, diags := file.Body.JustAttributes()
	if err := firstError(diags); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		attr := attrs[name]
		v, diags := attr.Expr.Value(nil)
		if err := firstError(diags); err != nil {
			return err
		}
		from := given{position(attr.Expr.Range()).String(), "set it to %q there, as dualboot does not edit JSON"}
		set["var."+name] = assignment{from.value(name, v), attr.Range}
	}
	return nil
}
