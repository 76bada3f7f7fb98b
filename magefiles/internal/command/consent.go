package command

import (
	"context"
	"errors"
	"fmt"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// errDeclined reports that the answer to a question was no.
var errDeclined = errors.New("not confirmed; nothing was changed")

// confirm asks whether to do something to the functions, on a terminal. It returns
// an error unless the answer is yes.
func (s *session) confirm(ctx context.Context, what string, functions int) error {
	if ctx.Err() != nil {
		return fleet.ErrInterrupted
	}
	yes, err := s.UI.Ask(ctx, fmt.Sprintf("%s: %s of %s in account %s, %s?",
		s.env.Name, what, text.Count(functions, "function"), s.client.Account, s.client.Config.Region))
	switch {
	case err != nil:
		return fmt.Errorf("%w at the question; nothing was changed", fleet.ErrInterrupted)
	case !yes:
		return errDeclined
	}
	return nil
}

// confirmAll asks before a command that changes all functions of an environment.
// It does so on a terminal only.
func (s *session) confirmAll(ctx context.Context, o Selection, what string) error {
	if !o.Ask || o.Only != nil || !s.UI.Interactive() {
		return nil
	}
	return s.confirm(ctx, what, len(s.functions))
}

// consent asks before a deploy that switches runtimes in an account that
// lambdas.json does not name. It does so on a terminal only.
func (s *session) consent(ctx context.Context, o DeployOptions, switches int) error {
	if !s.asksToDeploy(o) || switches == 0 || ctx.Err() != nil {
		return nil
	}
	s.notef(`%s does not name the account of this environment; with "account": %q the next deploy does not ask`, File, s.client.Account)
	return s.confirm(ctx, "switch the runtime", switches)
}

func (s *session) asksToDeploy(o DeployOptions) bool {
	return o.Ask && s.env.Account == "" && o.Plan == nil && s.UI.Interactive()
}
