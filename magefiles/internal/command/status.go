package command

import (
	"context"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/ui"
)

// StatusOptions are the options of Status.
type StatusOptions struct {
	Selection
}

// Status writes the state of the functions of an environment. The error names the
// functions that could not be read, or whose zip could not.
func (w Workspace) Status(ctx context.Context, o StatusOptions) (err error) {
	w, end := w.begin(ctx, "status", o.Env)
	defer end(&err)
	dates, err := lambda.LoadLifecycle()
	if err != nil {
		return err
	}
	s, err := w.open(ctx, o.Selection)
	if err != nil {
		return err
	}
	s.inspect(ctx)
	if err := s.UI.Status(s.functions, dates, time.Now()); err != nil {
		return err
	}
	s.notef("%s; calls: %s", ui.StatusSummary(s.functions), s.calls())
	s.notef("dates are AWS's plan as of %v and may move: %s", dates.AsOf(), dates.Table)
	return fleet.Errors(s.functions)
}
