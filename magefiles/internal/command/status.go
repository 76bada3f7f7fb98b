package command

import (
	"context"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// Status writes how the functions of an environment stand. The error names
// those that could not be read, in whole or the zip alone.
func Status(ctx context.Context, env string, o Options) error {
	plan, err := lambda.Load()
	if err != nil {
		return err
	}
	s, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	fleet := make([]ui.Status, len(s.targets))
	errs := make([]error, len(fleet))
	for i, seen := range s.rollout.Inspect(ctx, s.names()) {
		fleet[i] = ui.NewStatus(s.targets[i].FunctionName, seen, plan, time.Now())
		errs[i] = seen.Err
	}
	if err := write(s.stdout(), fleet, ui.PrintStatus); err != nil {
		return err
	}
	s.printf("%s; calls: %v", ui.SumStatus(fleet), s.calls)
	s.printf("dates are AWS's plan as of %v; AWS keeps moving them: %s", plan.AsOf(), plan.Table)
	return rollout.Failures(errs)
}
