package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// errDeclined reports that the answer to a question was no.
var errDeclined = errors.New("not confirmed; nothing was changed")

// confirm asks whether to do something, such as "switch the runtime of 2 functions",
// on a terminal. It returns an error unless the answer is yes.
func (s *session) confirm(ctx context.Context, what string, reasons ...string) error {
	if ctx.Err() != nil {
		return fleet.ErrInterrupted
	}
	yes, err := s.UI.Ask(ctx, ui.Question{Reasons: reasons, Text: fmt.Sprintf("%s: %s in account %s, %s?",
		s.env.Name, what, s.client.Account, s.client.Config.Region)})
	switch {
	case err != nil:
		return fmt.Errorf("%w at the question; nothing was changed", fleet.ErrInterrupted)
	case !yes:
		return errDeclined
	}
	return nil
}

// asksForAll reports whether a command asks before it changes all functions of an
// environment. It does so on a terminal only.
func (s *session) asksForAll(o Selection) bool {
	return o.Ask && o.Only == nil && s.UI.Interactive()
}

// consent asks before a deploy that switches the runtime of some functions first,
// or of none, and of others then, in an account that lambdas.json does not name. It
// does so on a terminal only.
func (s *session) consent(ctx context.Context, o DeployOptions, first, others int) error {
	if !s.asksToDeploy(o) || first+others == 0 || ctx.Err() != nil {
		return nil
	}
	what := "switch the runtime of " + text.Count(first+others, "function")
	if first > 0 && others > 0 {
		what = fmt.Sprintf("switch the runtime of %s first and then of %s", text.Count(first, "function"), text.Thousands(others))
	}
	return s.confirm(ctx, what, fmt.Sprintf(`%s: %s does not name the account of this environment; with "account": %q the next deploy does not ask`, s.env.Name, File, s.client.Account))
}

// consentToRollback asks before a rollback of all functions of an environment that
// changes some.
func (s *session) consentToRollback(ctx context.Context, o Selection, warning string) error {
	changing := 0
	for _, f := range s.functions {
		if steps, err := rollout.Plan(f.Observed, f); f.Err == nil && err == nil && len(steps) > 0 {
			changing++
		}
	}
	if !s.asksForAll(o) || changing == 0 || ctx.Err() != nil {
		s.noteAny(warning)
		return nil
	}
	var reasons []string
	if warning != "" {
		reasons = append(reasons, s.env.Name+": "+warning)
	}
	return s.confirm(ctx, "roll back the runtime of "+text.Count(changing, "function"), reasons...)
}

// warningOfReturn says what is not known of a return to go1.x or provided, if there
// is to be one, or if functions are to leave go1.x, or returns "". Recorded answers of
// AWS suggest that it refuses these runtimes.
func (s *session) warningOfReturn() string {
	unknown := func(runtime string) string {
		return "nobody has verified that AWS still lets a function return to " + runtime + "; "
	}
	for _, runtime := range []string{lambda.Go1x, lambda.Provided} {
		returns := func(f *fleet.Function) bool {
			return f.Err == nil && f.Action == fleet.Rollback && f.Previous == runtime && f.Observed.Runtime != runtime
		}
		if slices.ContainsFunc(s.functions, returns) {
			return unknown(runtime) + "one that it refuses keeps its runtime"
		}
	}
	leaves := func(f *fleet.Function) bool { return f.Observed.Runtime == lambda.Go1x && switches(f) }
	if slices.ContainsFunc(s.functions, leaves) {
		return unknown(lambda.Go1x) + "deploy one function first (-only=) and try a rollback of it"
	}
	return ""
}

// noteAny notes something about the environment, unless it is "".
func (s *session) noteAny(note string) {
	if note != "" {
		s.notef("%s", note)
	}
}

func (s *session) asksToDeploy(o DeployOptions) bool {
	return o.Ask && s.env.Account == "" && o.Plan == nil && s.UI.Interactive()
}
