package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/health"
	"example.com/dualboot/magefiles/internal/rollout"
)

// Verify compares what CloudWatch says of each function of an environment since
// it was last changed with what it said before, and writes the figures. The
// error names the functions that are not healthy.
func Verify(ctx context.Context, env string, o Options) error {
	s, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	seen := s.rollout.Observe(ctx, s.names())
	compared, errs := s.compare(ctx, seen)
	var rows []health.Comparison
	for i, c := range compared {
		if errs[i] != nil {
			continue
		}
		rows = append(rows, c)
		if !c.Healthy() {
			errs[i] = &rollout.FunctionError{Function: c.Function, Doing: "verifying", Err: problems(c)}
		}
	}
	if err := write(s.stdout(), rows, health.Print); err != nil {
		return err
	}
	s.printf("the figures are of all versions and aliases of a function together; calls: %v", s.calls)
	return rollout.Failures(errs)
}

func problems(c health.Comparison) error { return errors.New(strings.Join(c.Problems, "; ")) }

// gate gives the goals with something to do whose functions are not healthy an
// error that says why.
func (s *session) gate(ctx context.Context, goals []rollout.Goal) {
	var at []int // the goal of each that is looked at
	var seen []rollout.Observation
	for i, g := range goals {
		if steps, _, err := g.Preview(); err == nil && len(steps) > 0 {
			at = append(at, i)
			seen = append(seen, rollout.Observation{State: g.From})
		}
	}
	compared, errs := s.compare(ctx, seen)
	for n, i := range at {
		goals[i].Err = errs[n]
		if errs[n] == nil && !compared[n].Healthy() {
			err := fmt.Errorf("%w; with -force it is cleaned up all the same", problems(compared[n]))
			goals[i].Err = &rollout.FunctionError{Function: goals[i].Function, Doing: "refusing to clean up", Err: err}
		}
	}
}

// compare compares the functions that could be observed, some at once.
func (s *session) compare(ctx context.Context, seen []rollout.Observation) ([]health.Comparison, []error) {
	client := cloudwatch.NewFromConfig(s.cfg)
	compared, errs := make([]health.Comparison, len(seen)), make([]error, len(seen))
	var group errgroup.Group
	group.SetLimit(16)
	for i, o := range seen {
		if errs[i] = o.Err; o.Err != nil {
			continue
		}
		group.Go(func() error {
			var err error
			if compared[i], err = health.Compare(ctx, client, o.State.Function, o.State.Modified, o.State.Modified.Add(o.State.Age), health.Tolerance{}); err != nil {
				if ctx.Err() != nil {
					err = rollout.ErrInterrupted
				}
				errs[i] = &rollout.FunctionError{Function: o.State.Function, Doing: "verifying", Err: err}
			}
			return nil
		})
	}
	_ = group.Wait()
	return compared, errs
}
