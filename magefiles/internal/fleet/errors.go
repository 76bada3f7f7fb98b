package fleet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/text"
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

// At says at which step a function was stopped: "while settling", "before updating
// the code". A call that is in flight at an interrupt is not stopped.
func (e *Error) At() string {
	doing := strings.TrimSuffix(e.Doing, " of")
	if strings.HasPrefix(doing, "updating ") {
		return "before " + doing
	}
	return "while " + doing
}

// Causes of the error of a command that ends before it is done, although nothing
// failed.
var (
	// ErrInterrupted says that the command was told to stop.
	ErrInterrupted = errors.New("interrupted")
	// ErrDeclined says that somebody answered that it is not to continue.
	ErrDeclined = errors.New("stopped")
	// ErrNotYet says that functions cannot be judged yet.
	ErrNotYet = errors.New("not yet")
)

// Stopped reports whether the function has not failed, but an interrupt has
// stopped the work on it.
func (f *Function) Stopped() bool { return errors.Is(f.Err, ErrInterrupted) }

// Fail records that the function failed. The first failure counts.
func (f *Function) Fail(stage Stage, doing string, err error) {
	if f.Err == nil {
		f.Err = &Error{f.Label(), stage, doing, err}
	}
}

// missing is the error of a function that does not exist.
type missing struct{ error }

func (e missing) Unwrap() error { return e.error }

// AsMissing returns an error that says that a function does not exist: see
// [Missing].
func AsMissing(err error) error { return missing{err} }

// Missing reports whether a function failed because it does not exist.
func Missing(err error) bool {
	_, ok := errors.AsType[missing](err)
	return ok
}

// Errors returns the errors of the functions as one *multierror.Error in their
// order, or nil if there is none. Its text lists those that failed, after a count of
// those that were stopped.
func Errors(functions []*Function) error {
	all := &multierror.Error{ErrorFormat: func(errs []error) string {
		stopped, failed := divide(errs)
		var parts []string
		if len(stopped) > 0 {
			parts = append(parts, left(stopped))
		}
		if len(failed) > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d functions failed:%s", len(failed), len(functions), bullets(Distinct(failed))))
		}
		return strings.Join(parts, "\n")
	}}
	for _, f := range functions {
		if f.Err != nil {
			all = multierror.Append(all, f.Err)
		}
	}
	return all.ErrorOrNil()
}

// bullets returns texts as a list below a line.
func bullets(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(text, "\n", "\n    "))
	}
	return b.String()
}

// divide separates the errors of functions that were stopped.
func divide(errs []error) (stopped []*Error, failed []error) {
	for _, err := range errs {
		if e, ok := err.(*Error); ok && errors.Is(e, ErrInterrupted) { // not errors.AsType: a joined error says more
			stopped = append(stopped, e)
		} else {
			failed = append(failed, err)
		}
	}
	return stopped, failed
}

// left says how many functions an interrupt has left, and at which steps.
func left(stopped []*Error) string {
	var order []string
	count := map[string]int{}
	for _, e := range stopped {
		at := e.At()
		if count[at]++; count[at] == 1 {
			order = append(order, at)
		}
	}
	for i, at := range order {
		order[i] = text.Thousands(count[at]) + " " + at
	}
	return Left(len(stopped)) + bullets(order)
}

// Left says in one line how many functions an interrupt has left.
func Left(n int) string {
	return fmt.Sprintf("%v; %s left; run the same command again", ErrInterrupted, text.Are(n, "function"))
}

// Flatten returns the errors of which an error consists. They are of type *Error
// where they are about a function.
func Flatten(err error) (errs []error) {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []error{e}
	case interface{ WrappedErrors() []error }: // *multierror.Error
		return flattenAll(e.WrappedErrors())
	case interface{ Unwrap() []error }:
		return flattenAll(e.Unwrap())
	case interface{ Unwrap() error }:
		if errs := Flatten(e.Unwrap()); len(Failures(errs)) > 0 {
			return errs
		}
	}
	return []error{err}
}

func flattenAll(list []error) (errs []error) {
	for _, err := range list {
		errs = append(errs, Flatten(err)...)
	}
	return errs
}

// Failures returns the errors that are about a function.
func Failures(errs []error) (failures []*Error) {
	for _, err := range errs {
		if e, ok := err.(*Error); ok {
			failures = append(failures, e)
		}
	}
	return failures
}

// shown is how many functions that do not exist are named.
const shown = 5

// Distinct returns the texts of errors. Functions that failed for the same
// reason share one text, at the place of the first: a broken go.mod is one error,
// and so is a wrong region, in which no function exists. Functions that were
// stopped share the first text.
func Distinct(errs []error) []string {
	stopped, errs := divide(errs)
	if len(stopped) > 0 {
		return append([]string{left(stopped)}, Distinct(errs)...)
	}
	type failure struct{ doing, reason string }
	var order []failure
	functions := map[failure][]string{}
	absent := 0
	for _, err := range errs {
		if Missing(err) {
			absent++
		}
	}
	for _, err := range errs {
		f := failure{reason: err.Error()}
		var name []string
		if e, ok := err.(*Error); ok { // not errors.AsType: a joined error says more than its first *Error
			f, name = failure{e.Doing, e.Err.Error()}, []string{strconv.Quote(e.Function)}
			if absent > 1 && Missing(err) {
				f = failure{e.Doing, absence}
			}
		}
		if _, ok := functions[f]; !ok {
			order = append(order, f)
		}
		functions[f] = append(functions[f], name...)
	}
	texts := make([]string, len(order))
	for i, f := range order {
		names := functions[f]
		switch {
		case f.doing == "":
			texts[i] = f.reason
		case f.reason == absence:
			texts[i] = fmt.Sprintf("%s %s: %s: %s", f.doing, text.Count(len(names), "function"), absence, text.List(names, shown))
		default:
			texts[i] = fmt.Sprintf("%s %s: %s", f.doing, strings.Join(names, ", "), f.reason)
		}
	}
	return texts
}

// absence is the error of several functions that do not exist.
const absence = "they do not exist; check the region and the prefix"
