package rehearsal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/traffic"
)

// check compares the answers of the functions with those before the migration,
// and returns what their traffic lost and what could not start. A function that
// failed before may fail alike after: it may need more than a rehearsal has.
func (s *stage) check(reports []traffic.Report) error {
	problems := map[string]error{}
	found := func(function, doing, format string, args ...any) {
		err := &fleet.Error{Function: function, Stage: fleet.Rehearsal, Doing: doing, Err: fmt.Errorf(format, args...)}
		problems[function] = errors.Join(problems[function], err)
	}
	for _, f := range s.functions {
		events := s.samples[f.FunctionName].Events
		for i, before := range s.acts[0].answers[f.FunctionName] {
			for _, a := range s.acts[1:] {
				if now := a.answers[f.FunctionName][i]; now.worseThan(before) {
					found(f.FunctionName, "invoking, when "+a.name+",", "it answered%s %q before and %q now", to(events, i), before, now)
				}
			}
		}
	}
	for _, r := range reports {
		if !r.Clean() {
			found(r.Function, "sending events to", "%d of %d invocations failed, %d records were lost and %d out of order: %s",
				r.Errors, r.Invocations, r.Lost+r.Pending, r.OutOfOrder, r.FirstError)
		}
	}
	_, unstartable := s.deployed()
	for _, d := range unstartable {
		found(d.Function, "serving", "%s with handler %s %s", d.Runtime, d.Handler, whyUnstartable(d))
	}
	for _, f := range s.functions {
		f.Err = problems[f.FunctionName]
	}
	return fleet.Errors(s.functions)
}

// whyUnstartable says what a deployment lacks to start.
func whyUnstartable(d emulator.Deployment) string {
	switch entry := lambda.EntryPoint(d.Runtime, d.Handler); {
	case entry == "":
		return "starts nothing"
	case slices.Contains(d.Files, entry):
		return "cannot start the " + entry + " in the zip"
	default:
		return fmt.Sprintf("finds no %s in the zip, which contains only %s", entry, strings.Join(d.Files, " + "))
	}
}

// to names an event of a function that has several.
func to(events []sample.Event, i int) string {
	if len(events) == 1 {
		return ""
	}
	return " " + events[i].Name + " with"
}

// errNothingLearnt is the error of a rehearsal in which nothing could fail.
var errNothingLearnt = errors.New("nothing was learnt: every function failed from the start or had no event; " +
	"write an event to testdata/event.json of its package, and the environment variables that it needs to testdata/env.json; " +
	`a function without sources names such a directory as "testdata" in lambdas.json`)

// checkLearnt returns an error unless some function answered an event that is more
// than a {} in place of a missing one.
func (s *stage) checkLearnt() error {
	for _, f := range s.functions {
		for i, event := range s.samples[f.FunctionName].Events {
			if event.Origin != sample.Unknown && !s.acts[0].answers[f.FunctionName][i].failed() {
				return nil
			}
		}
	}
	return errNothingLearnt
}
