package command

import (
	"context"
	"errors"

	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// ErrChanges says that a plan has something to do.
var ErrChanges = errors.New("there are changes")

// Plan writes what Deploy would do to each function of an environment, or with
// cleanup or rollback what these would do, and changes nothing. It returns
// ErrChanges if there is something to do, and the failures and refusals if there
// are any.
func Plan(ctx context.Context, env string, cleanup, rollback bool, o Options) error {
	action := rollout.Deploy
	switch {
	case cleanup && rollback:
		return errors.New("-cleanup and -rollback are two plans; give one of them")
	case o.Force && !cleanup:
		return errors.New("-force goes with -cleanup")
	case o.Previous != "" && !rollback:
		return errors.New("-runtime goes with -rollback")
	case cleanup:
		action = rollout.Cleanup
	case rollback:
		action = rollout.Rollback
	}
	s, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	goals, err := s.goals(ctx, action)
	if err != nil {
		return err
	}
	plans := make([]ui.Plan, len(goals))
	errs := make([]error, len(goals))
	for i, g := range goals {
		plans[i] = ui.NewPlan(g)
		errs[i] = plans[i].Err
	}
	if err := write(s.stdout(), plans, ui.PrintPlans); err != nil {
		return err
	}
	edits := cleanup && s.whole() && s.env.Dual && o.Manifest == nil
	if edits {
		s.printf("once all are clean, cleanup sets %q to false in %s", "dual", file)
	}
	s.printf("%s; calls: %v", ui.SumPlans(plans), s.calls)
	if err := rollout.Failures(errs); err != nil {
		return err
	}
	for _, p := range plans {
		if len(p.Steps) > 0 {
			return ErrChanges
		}
	}
	if edits {
		return ErrChanges
	}
	return nil
}
