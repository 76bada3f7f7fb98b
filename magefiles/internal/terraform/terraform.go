// Package terraform brings the aws_lambda_function resources of a Terraform
// module, and calls of terraform-aws-modules/lambda/aws, to the values that dualboot deploys, so that the next terraform apply
// does not undo the migration. It changes the text of single values and keeps
// every other byte. It reports what it cannot determine from the files.
//
// The resource: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_function
package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"go/token"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Result is what the Terraform files in a directory say about functions.
type Result struct {
	// Changes are what Write changes, sorted by position. A value that several
	// functions share is one change for each of them.
	Changes []Change
	// Unsure are the places to check by hand, sorted by position.
	Unsure []Unsure
	// Uploads are the places by which terraform apply may upload code that dualboot
	// did not deploy, sorted by position.
	Uploads []Upload
	// Found are the functions that a resource defines, or that a module call
	// defines with runtime provided.al2023, in the order of the request. A
	// function that two resources define is there twice.
	Found []Function

	functions []Wanted
	literals  map[literal]string // what to replace, and by what
	edits     []fileEdit
}

// Change is a value that differs from what dualboot deploys.
type Change struct {
	At        token.Position // of the value, which may be in a local
	Address   string         // aws_lambda_function.orders, or with ["key"]
	Function  string         // function name
	Attribute string         // runtime, handler or architectures
	From, To  string
}

// Unsure is a place that may need a change, which Write does not make.
type Unsure struct {
	At       token.Position // without a line for a whole file
	Address  string         // empty for a whole file
	Function string         // function name; empty if unknown
	Reason   string
	Hint     string // what to do
}

// Function is the definition of a function.
type Function struct {
	Name    string // function name
	Address string
	At      token.Position
	Runtime string // empty if it is not set, ignored, or unknown
	// Ignored are those of runtime, handler and architectures that terraform
	// apply does not change, by lifecycle { ignore_changes }. Neither does Write.
	// They are without architectures if any will do.
	Ignored []string
}

// Undoes reports whether the next terraform apply is known to put the function
// back on an old runtime. See [Result.Unsure] for functions that it may put back.
func (f Function) Undoes() bool { return isOld(f.Runtime) }

// Missing returns the functions that the files do not mention, in the order of
// the request.
func (r *Result) Missing() []string {
	var missing []string
	for _, w := range r.functions {
		name := w.Function
		if !slices.ContainsFunc(r.Found, func(f Function) bool { return f.Name == name }) &&
			!slices.ContainsFunc(r.Unsure, func(u Unsure) bool { return u.Function == name }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Wanted is a requested function.
type Wanted struct {
	Function     string // function name
	Architecture string // or empty if any will do; then the attribute stays as it is
	KeepHandler  bool   // any handler will do: the function was on a provided runtime before
}

// wanted returns the request for the function of that name.
func (r *Result) wanted(name string) (w Wanted, ok bool) {
	if i := r.index(name); i >= 0 {
		return r.functions[i], true
	}
	return Wanted{}, false
}

func (r *Result) index(name string) int {
	return slices.IndexFunc(r.functions, func(w Wanted) bool { return w.Function == name })
}

// Read finds what the *.tf files in dir, and in the local modules that they call,
// say about functions. Like Terraform it merges override files, and reads variable
// files. It writes nothing. It returns an error for a syntax error, a duplicate
// resource, module, variable or local, a directory without Terraform files, and a
// file that is not a regular one, is too large or is nested too deeply.
func Read(dir string, functions []Wanted, v Variables) (*Result, error) {
	p, err := load(dir, v)
	if err != nil {
		return nil, err
	}
	return analyze(p, functions)
}

// analyze plans the changes, makes them in memory, and checks that they have the
// planned effect.
func analyze(p *project, functions []Wanted) (*Result, error) {
	before, err := plan(p, functions)
	if err != nil {
		return nil, err
	}
	r := before.result
	edited, err := r.edit(p)
	if err != nil || len(r.Changes) == 0 {
		return r, err
	}
	after, err := plan(edited, functions)
	if err != nil {
		return nil, fmt.Errorf("checking the changes: %w", err)
	}
	if !slices.EqualFunc(before.slots, after.slots, (*slot).became) {
		return nil, errNotAsPlanned
	}
	return r, nil
}

var errNotAsPlanned = errors.New("checking the changes: the edited files do not have the planned values; nothing was written, make the changes by hand")

func (r *Result) sort() {
	slices.SortStableFunc(r.Changes, func(a, b Change) int { return comparePositions(a.At, b.At) })
	slices.SortStableFunc(r.Unsure, func(a, b Unsure) int { return comparePositions(a.At, b.At) })
	slices.SortStableFunc(r.Uploads, func(a, b Upload) int { return comparePositions(a.At, b.At) })
	slices.SortStableFunc(r.Found, func(a, b Function) int {
		return cmp.Compare(r.index(a.Name), r.index(b.Name))
	})
}

func comparePositions(a, b token.Position) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

func position(r hcl.Range) token.Position {
	return token.Position{Filename: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}
