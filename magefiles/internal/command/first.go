package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/health"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// try migrates the first functions and judges them. It returns the others, and an
// error if those are not to follow now.
func (d *deployment) try(ctx context.Context) (rest []*fleet.Function, err error) {
	switched, pending := d.first()
	if d.switching() == 0 {
		return d.functions, nil
	}
	rest = slices.DeleteFunc(slices.Clone(d.functions), func(f *fleet.Function) bool { return slices.Contains(pending, f) })
	if len(pending) > 0 {
		d.notef("first: %s", names(pending))
		fleet.Each(pending, d.limit, func(f *fleet.Function) { d.start(ctx, f) })
		if ctx.Err() == nil && fleet.Errors(pending) != nil {
			d.leaveAll(rest, "one of the first functions failed")
			if d.left.Load() == 0 {
				return nil, nil
			}
			return nil, fmt.Errorf("-first=%d: %s not started, because one of the first failed", d.options.First, were(d.left.Load()))
		}
	}
	if changing(rest) == 0 {
		return rest, nil
	}
	return rest, d.judge(ctx, append(switched, pending...), changing(rest))
}

// first returns the functions that go first, in the order of the manifest: those
// that an earlier run has switched and no cleanup has cleaned up, and, until there
// are enough, those that are to be switched.
func (d *deployment) first() (switched, pending []*fleet.Function) {
	for _, f := range d.functions {
		switch {
		case f.Err != nil:
		case switches(f):
			pending = append(pending, f)
		case stage(f) == "switched":
			switched = append(switched, f)
		}
	}
	switched = switched[:min(d.options.First, len(switched))]
	return switched, pending[:min(d.options.First-len(switched), len(pending))]
}

// switching counts the functions that are to be switched.
func (d *deployment) switching() (n int) {
	for _, f := range d.functions {
		if switches(f) {
			n++
		}
	}
	return n
}

// changing counts the functions that have something to do.
func changing(functions []*fleet.Function) (n int) {
	for _, f := range functions {
		if f.Err == nil && len(f.Plan) > 0 {
			n++
		}
	}
	return n
}

// switches reports whether the plan of a function changes its runtime, or ends that.
func switches(f *fleet.Function) bool {
	return f.Err == nil && slices.ContainsFunc(f.Plan, func(s fleet.Step) bool { return s.Kind.Configures() })
}

// stage returns how far a function had come when it was read.
func stage(f *fleet.Function) string {
	state := f.Observed
	if p := f.Zips.Find(state.CodeSha256); p != nil && state.Contents == nil {
		state.Contents = p.Contents()
	}
	return state.Stage(f.Function.LegacyName())
}

// judging is how often functions are judged that cannot be yet.
const judging = 15 * time.Second

// judge returns nil if the functions are healthy, or if somebody on a terminal says
// that the others are to follow. Elsewhere it waits for the metrics.
func (d *deployment) judge(ctx context.Context, functions []*fleet.Function, others int) error {
	wait := 5 * time.Minute
	if d.options.Wait != nil {
		wait = *d.options.Wait
	}
	for deadline := time.Now().Add(wait); ; {
		problems, early, err := d.healthOf(ctx, functions)
		switch {
		case err != nil:
			return err
		case len(problems)+len(early) == 0:
			d.notef("%s healthy; continuing", text.Are(len(functions), "function"))
			return nil
		case d.options.Ask && d.UI.Interactive():
			return d.ask(ctx, functions, others, append(problems, early...))
		case len(problems) > 0:
			return fmt.Errorf("the first functions are not healthy, and the other %s not started:\n  - %s", were(others), strings.Join(problems, "\n  - "))
		case !time.Now().Before(deadline):
			return fmt.Errorf("%w: %s migrated and cannot be judged yet; to continue with the other %s, run the same command again later, or without -first:\n  - %s",
				fleet.ErrNotYet, text.Are(len(functions), "function"), text.Count(others, "function"), strings.Join(early, "\n  - "))
		}
		d.notef("waiting for the metrics of %s", names(functions))
		pause := min(judging, time.Until(deadline))
		waiting := d.UI.Wait("waiting for metrics", pause)
		select {
		case <-ctx.Done():
			waiting.End()
			return fleet.ErrInterrupted
		case <-time.After(pause):
			waiting.End()
		}
	}
}

// ask asks whether the others are to follow.
func (d *deployment) ask(ctx context.Context, functions []*fleet.Function, others int, doubts []string) error {
	var only []string
	for _, f := range functions {
		only = append(only, f.Function.Name)
	}
	yes, err := d.UI.Ask(ctx, ui.Question{
		Reasons: append(doubtful(doubts), fmt.Sprintf("%s migrated: %s; look at them, for example with: %s", text.Are(len(functions), "function"), names(functions),
			d.Program.Command("verify", "-env="+d.env.Name, "-only="+strings.Join(only, ",")))),
		Text: fmt.Sprintf("%s: continue with the other %s?", d.env.Name, text.Count(others, "function")),
	})
	switch {
	case err != nil:
		return fleet.ErrInterrupted
	case !yes:
		return fmt.Errorf("%w after the first functions", fleet.ErrDeclined)
	}
	return nil
}

// doubtful returns as many doubts as there is room for above a question.
func doubtful(doubts []string) []string {
	const most = 5
	if more := len(doubts) - most; more > 1 {
		return append(slices.Clone(doubts[:most]), text.Count(more, "function")+" more cannot be judged, or are not healthy")
	}
	return slices.Clone(doubts)
}

// healthOf reads the functions again and returns which are not healthy, and which
// cannot be judged yet.
func (d *deployment) healthOf(ctx context.Context, functions []*fleet.Function) (problems, early []string, err error) {
	now := make([]*fleet.Function, len(functions))
	for i, f := range functions {
		now[i] = &fleet.Function{Target: f.Target, Goal: f.Goal}
	}
	fleet.Each(now, defaultConcurrency, func(f *fleet.Function) { d.rollout.Observe(ctx, f) })
	compared := d.compare(ctx, now)
	if err := fleet.Errors(now); err != nil {
		return nil, nil, err
	}
	for _, f := range now {
		switch c := compared[f]; {
		case c.Healthy():
		case c.Judged():
			problems = append(problems, doubt(f, c))
		default:
			early = append(early, doubt(f, c))
		}
	}
	return problems, early, nil
}

// doubt says why a function is not known to be healthy.
func doubt(f *fleet.Function, c health.Comparison) string {
	return fmt.Sprintf("%s: %v", f.Label(), problems(c))
}

// names lists functions.
func names(functions []*fleet.Function) string { return text.List(labels(functions), 20) }

// few lists some functions of many that are shown elsewhere.
func few(functions []*fleet.Function) string { return text.List(labels(functions), 5) }

func labels(functions []*fleet.Function) (list []string) {
	for _, f := range functions {
		list = append(list, f.Label())
	}
	return list
}
