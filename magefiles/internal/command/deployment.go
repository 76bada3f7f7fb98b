package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/planfile"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// deployment is a deploy in progress.
type deployment struct {
	*session
	options DeployOptions
	limit   int // functions to work on at the same time
	results *ui.Results
	begun   atomic.Bool // a function was started or left alone
	failed  atomic.Int64
	left    atomic.Int64 // functions that were left alone although there is something to do
}

// run brings the functions to their goal. Its error is not that of a function.
func (d *deployment) run(ctx context.Context, saved *planfile.Plan) error {
	if saved != nil || d.options.First > 0 || d.options.AllOrNothing {
		err := d.deliberate(ctx, saved)
		return cmp.Or(err, d.stoppedAfter())
	}
	err := d.overlapping(ctx)
	return cmp.Or(err, d.stoppedAfter())
}

// start brings a function to its goal, or leaves it alone if too many have failed.
func (d *deployment) start(ctx context.Context, f *fleet.Function) {
	if n := d.options.StopAfter; n > 0 && d.failed.Load() >= int64(n) && f.Err == nil {
		d.leave(f, fmt.Sprintf("functions failed before, and -stopAfter is %d", n))
		return
	}
	d.begun.Store(true)
	d.apply(ctx, f, d.results)
	if f.Err != nil && !f.Stopped() {
		d.failed.Add(1)
	}
}

// stoppedAfter returns an error if functions were left alone because others failed.
func (d *deployment) stoppedAfter() error {
	if left := d.left.Load(); left > 0 && d.options.StopAfter > 0 && d.failed.Load() >= int64(d.options.StopAfter) {
		return fmt.Errorf("-stopAfter=%d: %s not started", d.options.StopAfter, were(left))
	}
	return nil
}

// leave records that nothing is done to a function, and why.
func (d *deployment) leave(f *fleet.Function, why string) {
	d.begun.Store(true)
	switch planned := f.Planned.RevisionID != ""; {
	case f.Err != nil:
		d.UI.Result(f)
	case !planned || len(f.Plan) > 0:
		f.NotStarted = why
		d.left.Add(1)
	}
	d.results.Done(f)
}

// leaveAll leaves the functions alone.
func (d *deployment) leaveAll(functions []*fleet.Function, why string) {
	for _, f := range functions {
		d.leave(f, why)
	}
}

// overlapping applies each function as soon as it is prepared.
func (d *deployment) overlapping(ctx context.Context) error {
	consent := func(switches int) error { return d.consent(ctx, d.options, 0, switches) }
	if !d.asksToDeploy(d.options) {
		consent = nil
	}
	return d.prepare(ctx, d.limit, consent, func(f *fleet.Function) { d.start(ctx, f) })
}

// deliberate prepares and plans all functions before it applies the first.
func (d *deployment) deliberate(ctx context.Context, saved *planfile.Plan) error {
	if err := d.prepare(ctx, defaultConcurrency, nil, rollout.Preview); err != nil {
		return err
	}
	if (saved != nil || d.options.AllOrNothing) && fleet.Errors(d.functions) != nil {
		d.leaveAll(d.functions, "not all functions can be deployed")
		if ctx.Err() != nil { // the errors say so
			return nil
		}
		return fmt.Errorf("%s: nothing was changed", d.options.allOrNothing())
	}
	if saved != nil {
		if err := saved.Compare(d.plan()); err != nil {
			return fmt.Errorf("the plan in %s does not hold any more; nothing was changed; make a new one with: %s\n  - %s",
				*d.options.Plan, d.Program.Command("plan", withBridge(d.options.Bridge, "-env="+d.env.Name, "-out="+*d.options.Plan)...), strings.ReplaceAll(err.Error(), "\n", "\n  - "))
		}
		if done := saved.Done(d.plan()); len(done) > 0 {
			d.notef("%s already as planned: %s", text.Are(len(done), "function"), text.List(done, 20))
		}
	}
	_, pending := d.first()
	if err := d.consent(ctx, d.options, len(pending), d.switching()-len(pending)); err != nil {
		return err
	}
	rest := d.functions
	if d.options.First > 0 {
		var err error
		if rest, err = d.try(ctx); err != nil && ctx.Err() == nil {
			d.leaveAll(rest, "it was to follow the first functions")
			return err
		}
	}
	fleet.Each(rest, d.limit, func(f *fleet.Function) { d.start(ctx, f) })
	return nil
}

// allOrNothing returns the flag by which a deploy changes nothing unless it can
// deploy all functions.
func (o DeployOptions) allOrNothing() string {
	if o.AllOrNothing {
		return "-allOrNothing"
	}
	return "-plan"
}

// plan returns the plan of the session for a file.
func (s *session) plan() *planfile.Plan {
	return planfile.New(s.env.Name, s.client.Account, s.client.Config.Region, s.functions)
}

// noteUnbuilt says first which functions were not deployed because they do not
// build.
func (s *session) noteUnbuilt() {
	var names []string
	for _, f := range s.functions {
		if e, ok := errors.AsType[*fleet.Error](f.Err); ok && e.Stage == fleet.Building && !errors.Is(f.Err, fleet.ErrInterrupted) {
			names = append(names, f.Label())
		}
	}
	if len(names) > 0 && len(names) < len(s.functions) {
		s.notef("WARNING: %s not deployed, because the build fails: %s", were(len(names)), text.List(names, 20))
	}
}

func were[N ~int | ~int64](n N) string {
	if n == 1 {
		return "1 function was"
	}
	return text.Count(n, "function") + " were"
}
