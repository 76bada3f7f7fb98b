// Package terraform brings the aws_lambda_function resources of a Terraform
// module to what dualboot deploys, so that the next apply does not undo it. It
// changes the text of values and keeps every other byte, and leaves to people
// whatever it cannot be sure of.
//
// The resource: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_function
package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What dualboot deploys.
const (
	Runtime      = "provided.al2023"
	Handler      = "bootstrap"
	Architecture = "x86_64"
)

const (
	legacy        = "go1.x"
	legacyHandler = "lambda" // what a function on go1.x must have for dualboot to take it
)

// old reports whether dualboot moves functions away from the runtime.
func old(runtime string) bool {
	return slices.Contains([]string{legacy, "provided", "provided.al2"}, runtime)
}

// Result is what the Terraform files of a directory say of functions.
type Result struct {
	// Changes are what Write changes, in the order of files and lines. One value
	// that several functions share is a change of each.
	Changes []Change
	// Unsure are what must be looked at by hand, in the order of files and lines.
	Unsure []Unsure
	// Found are the functions for which there is a resource, or a call of a
	// module that gives it Runtime, in the order in which they were asked for.
	// One that two resources claim is there twice.
	Found []Function

	functions []string
	edited    []edited
}

// Change is one value that is not as dualboot deploys it.
type Change struct {
	File         string // below the directory as it was given
	Line, Column int    // of the value, which may be in a local, from 1
	Address      string // aws_lambda_function.orders, or with ["key"]
	Function     string // name on AWS
	Attribute    string // runtime, handler or architectures
	From, To     string
}

// Unsure is something that may need a change, which Write does not make.
type Unsure struct {
	File         string
	Line, Column int    // from 1; 0 for the whole file
	Address      string // empty for the whole file
	Function     string // name on AWS; empty if it is not known
	Reason       string
	Hint         string // what to do
}

// Function is the resource of a function, with the values it has now.
type Function struct {
	Name    string // on AWS
	Address string
	File    string
	Line    int

	// What an apply sets. Empty if it sets nothing, or if that is not known.
	Runtime, Handler, Architecture string

	// Ignored are those of runtime, handler and architectures that an apply
	// leaves alone, by lifecycle { ignore_changes }. They are not changed.
	Ignored []string
	// Image is set for a container image, which has neither runtime nor handler.
	Image bool
}

// Undoes reports whether the next apply puts the function back on an old
// runtime, as far as that is known: see to [Result.Unsure] too.
func (f Function) Undoes() bool { return old(f.Runtime) }

// Missing returns the functions of which nothing is known here, in the order in
// which they were asked for.
func (r *Result) Missing() []string {
	var missing []string
	for _, name := range r.functions {
		if !slices.ContainsFunc(r.Found, func(f Function) bool { return f.Name == name }) &&
			!slices.ContainsFunc(r.Unsure, func(u Unsure) bool { return u.Function == name }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Read finds what the *.tf files in dir say of functions, given by their names
// on AWS. As Terraform does, it does not look into directories below dir, and
// merges override files. It changes nothing. A syntax error, a resource or local
// that is there twice, and a directory without Terraform files are errors.
func Read(dir string, functions []string) (*Result, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading Terraform files: %w", err)
	}
	var read, unread []source
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || skipped(name) {
			continue
		}
		native := strings.HasSuffix(name, ".tf")
		if !native && !other(name) {
			continue
		}
		file := filepath.Join(dir, name)
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading Terraform files: %w", err)
		}
		if native {
			read = append(read, source{file, data})
		} else {
			unread = append(unread, source{file, data})
		}
	}
	if len(read)+len(unread) == 0 {
		return nil, fmt.Errorf("no Terraform files (*.tf) in %s; give the directory that holds the aws_lambda_function resources", dir)
	}
	return analyse(read, unread, functions)
}

// skipped reports whether Terraform passes over the file, as one that an editor
// has left.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

// other reports whether the file is configuration in a form that is not read.
func other(name string) bool {
	return strings.HasSuffix(name, ".tf.json") || strings.HasSuffix(name, ".tofu") || strings.HasSuffix(name, ".tofu.json")
}

// analyse plans the changes, and checks what comes of them.
func analyse(read, unread []source, functions []string) (*Result, error) {
	r, err := plan(read, unread, functions)
	if err != nil || len(r.Changes) == 0 {
		return r, err
	}
	after := slices.Clone(read)
	for _, e := range r.edited {
		i := slices.IndexFunc(after, func(s source) bool { return s.file == e.file })
		after[i].data = e.after
	}
	again, err := plan(after, unread, functions)
	if err != nil {
		return nil, fmt.Errorf("checking the changes: %w", err)
	}
	if len(again.Changes) > 0 || !slices.EqualFunc(again.Found, r.changed(), equal) {
		return nil, errNotAsPlanned
	}
	return r, nil
}

var errNotAsPlanned = errors.New("checking the changes: they would not give what was planned; nothing was written, make them by hand")

// changed are the functions as they are after the changes.
func (r *Result) changed() []Function {
	found := slices.Clone(r.Found)
	for _, c := range r.Changes {
		i := slices.IndexFunc(found, func(f Function) bool { return f.Address == c.Address })
		switch c.Attribute {
		case "runtime":
			found[i].Runtime = c.To
		case "handler":
			found[i].Handler = c.To
		case "architectures":
			found[i].Architecture = c.To
		}
	}
	return found
}

func equal(a, b Function) bool {
	return slices.Equal(a.Ignored, b.Ignored) && a.Name == b.Name && a.Address == b.Address && a.File == b.File && a.Line == b.Line &&
		a.Runtime == b.Runtime && a.Handler == b.Handler && a.Architecture == b.Architecture && a.Image == b.Image
}

func (r *Result) sort() {
	slices.SortStableFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Address, b.Address))
	})
	slices.SortStableFunc(r.Unsure, func(a, b Unsure) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Address, b.Address))
	})
	slices.SortStableFunc(r.Found, func(a, b Function) int {
		return cmp.Compare(slices.Index(r.functions, a.Name), slices.Index(r.functions, b.Name))
	})
}
