package fleet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Stage is the part of a command in which a function failed.
type Stage string

const (
	Observing Stage = "observe"
	Building  Stage = "build"
	Bundling  Stage = "bundle"
	Planning  Stage = "plan"
	Applying  Stage = "apply"
	Verifying Stage = "verify"
	Rehearsal Stage = "rehearse"
)

// Error is why a function failed.
type Error struct {
	Function string
	Stage    Stage
	Doing    string // what was being done to it: "updating the code of"
	Err      error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %q: %v", e.Doing, e.Function, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ErrInterrupted is the cause of an error of a command that was told to stop.
var ErrInterrupted = errors.New("interrupted")

// Fail records that the function failed. The first failure counts.
func (f *Function) Fail(stage Stage, doing string, err error) {
	if f.Err == nil {
		f.Err = &Error{f.Label(), stage, doing, err}
	}
}

// Errors returns the errors of the functions as one *multierror.Error in their
// order, or nil if none has failed.
func Errors(functions []*Function) error {
	all := &multierror.Error{ErrorFormat: func(errs []error) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d of %d functions failed:", len(errs), len(functions))
		for _, text := range distinct(errs) {
			fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(text, "\n", "\n    "))
		}
		return b.String()
	}}
	for _, f := range functions {
		if f.Err != nil {
			all = multierror.Append(all, f.Err)
		}
	}
	return all.ErrorOrNil()
}

// distinct returns the texts of errors. Functions that failed for the same
// reason share one text, at the place of the first: a broken go.mod is one error.
func distinct(errs []error) []string {
	type failure struct{ doing, reason string }
	var order []failure
	functions := map[failure][]string{}
	for _, err := range errs {
		f := failure{reason: err.Error()}
		var name []string
		if e, ok := err.(*Error); ok { //nolint:errorlint // a joined error says more than the first *Error in it
			f, name = failure{e.Doing, e.Err.Error()}, []string{strconv.Quote(e.Function)}
		}
		if _, ok := functions[f]; !ok {
			order = append(order, f)
		}
		functions[f] = append(functions[f], name...)
	}
	texts := make([]string, len(order))
	for i, f := range order {
		texts[i] = f.reason
		if f.doing != "" {
			texts[i] = fmt.Sprintf("%s %s: %s", f.doing, strings.Join(functions[f], ", "), f.reason)
		}
	}
	return texts
}
