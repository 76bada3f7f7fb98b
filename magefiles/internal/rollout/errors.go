package rollout

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/awserror"
)

// FunctionError says what was being done to which function when it failed.
type FunctionError struct {
	Function string
	Doing    string // "updating the code of"
	Err      error
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("%s %q: %v", e.Doing, e.Function, e.Err)
}

func (e *FunctionError) Unwrap() error { return e.Err }

// ErrInterrupted is the cause of a rollout that was told to stop.
var ErrInterrupted = errors.New("interrupted")

// interrupted says what an interrupt has left undone.
func interrupted(steps []Step) error {
	var left []string
	for _, s := range steps {
		if s.Kind != Wait {
			left = append(left, s.String())
		}
	}
	if len(left) == 0 {
		return ErrInterrupted
	}
	return fmt.Errorf("%w; left to do: %s", ErrInterrupted, strings.Join(left, ", "))
}

// changed says what somebody else has made of a function since it was read.
func changed(read, now State) error {
	var changes []string
	for _, c := range []struct{ what, was, is string }{
		{"runtime", read.Runtime, now.Runtime},
		{"handler", read.Handler, now.Handler},
		{"architecture", read.Architecture, now.Architecture},
		{"CodeSha256", read.CodeSha256, now.CodeSha256},
		{"LastModified", read.LastModified, now.LastModified},
		{"RevisionId", read.RevisionID, now.RevisionID},
	} {
		if c.was != c.is {
			changes = append(changes, fmt.Sprintf("%s %s → %s", c.what, c.was, c.is))
		}
	}
	if len(changes) == 0 {
		return errors.New("AWS has accepted the update and shows nothing of it; run the command again")
	}
	return fmt.Errorf("somebody else has changed the function meanwhile (%s); run the command again when they are done", strings.Join(changes, ", "))
}

// explain says an error of AWS in short, and the way out of the commonest.
func explain(err error) error {
	hint := ""
	if awserror.Code(err) == "ResourceNotFoundException" {
		hint = "create the function, or correct its name in lambdas.json"
	}
	return awserror.Explain(err, hint)
}

// blocked adds to an error of an update what it means when AWS takes no more
// updates of the runtime. The dates, and what is still possible, are in
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
func blocked(err error, runtime string) error {
	if awserror.Code(err) == "InvalidParameterValueException" && strings.Contains(err.Error(), "The runtime parameter of "+runtime+" is no longer supported") {
		return fmt.Errorf("%w; AWS has blocked %s: it takes no code for it, and lets no function get back to it", err, runtime)
	}
	return err
}

// Failures joins the errors of a fleet, one a function and nil for each that
// succeeded, into one *multierror.Error in their order. It returns nil when
// there is none.
func Failures(errs []error) error {
	total := len(errs)
	all := &multierror.Error{ErrorFormat: func(errs []error) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%d of %d functions failed:", len(errs), total)
		for _, text := range distinct(errs) {
			fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(text, "\n", "\n    "))
		}
		return b.String()
	}}
	for _, err := range errs {
		if err != nil {
			all = multierror.Append(all, err)
		}
	}
	return all.ErrorOrNil()
}

// distinct returns the errors as texts. Functions that failed in the same way
// share one, at the place of the first: a broken go.mod is no error of each.
func distinct(errs []error) []string {
	type failure struct{ doing, why string }
	var order []failure
	functions := map[failure][]string{}
	for _, err := range errs {
		f := failure{why: err.Error()}
		var name []string
		if e, ok := err.(*FunctionError); ok {
			f, name = failure{e.Doing, e.Err.Error()}, []string{strconv.Quote(e.Function)}
		}
		if _, ok := functions[f]; !ok {
			order = append(order, f)
		}
		functions[f] = append(functions[f], name...)
	}
	texts := make([]string, len(order))
	for i, f := range order {
		texts[i] = f.why
		if f.doing != "" {
			texts[i] = fmt.Sprintf("%s %s: %s", f.doing, strings.Join(functions[f], ", "), f.why)
		}
	}
	return texts
}
