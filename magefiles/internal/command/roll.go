package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"

	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// Deploy brings the functions of an environment to provided.al2023, with the
// code as it is now, and writes a JSON line for each. Deploying again does what
// is left, and nothing when nothing is.
func Deploy(ctx context.Context, env string, o Options) error {
	_, err := o.roll(ctx, env, rollout.Deploy)
	return err
}

// Rollback returns the functions of an environment to their previous runtime,
// and leaves their code as it is; it writes a JSON line for each. The next
// Deploy goes forward again.
func Rollback(ctx context.Context, env string, o Options) error {
	_, err := o.roll(ctx, env, rollout.Rollback)
	return err
}

// Cleanup drops lambda from the zips of the functions that have left go1.x and
// run as well as before, and writes a JSON line for each. Once every function
// of the environment is clean it sets the environment's dual to false in
// lambdas.json.
func Cleanup(ctx context.Context, env string, o Options) error {
	o.Progress = o.progress()
	all, err := o.roll(ctx, env, rollout.Cleanup)
	if err != nil || !all || o.Manifest != nil {
		return err
	}
	changed, err := manifest.SetDual(file, env, false)
	if changed {
		o.Progress.Printf("%s: %q of %q is false now, so that no deploy brings lambda back; commit it", file, "dual", env)
	}
	return err
}

// roll does the action, and reports whether that went for all functions of the
// environment.
func (o Options) roll(ctx context.Context, env string, action rollout.Action) (all bool, err error) {
	frugal()
	s, err := o.open(ctx, env)
	if err != nil {
		return false, err
	}
	goals, err := s.goals(ctx, action)
	if err != nil {
		return false, err
	}
	lines := ui.NewLines(o.stdout())
	results := s.rollout.Apply(ctx, goals, func(i int, result rollout.Result) {
		s.Progress.Result(result)
		lines.Put(i, result)
	})
	errs := make([]error, len(results))
	for i, result := range results {
		errs[i] = result.Err
	}
	s.printf("%s; calls: %v", summary(results), s.calls)
	err = rollout.Failures(errs)
	if broken := lines.Err(); broken != nil {
		err = errors.Join(err, fmt.Errorf("writing the results: %w", broken))
	}
	return s.whole(), err
}

// frugal lets the garbage collector try to keep the process below 256 MiB, unless
// GOMEMLIMIT says otherwise. By default what zips leave behind when they have been
// sent makes it grow to twice that, which is no faster.
func frugal() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256 << 20)
	}
}

// goals reads the functions, builds what the action needs, and says what each
// should become.
func (s *session) goals(ctx context.Context, action rollout.Action) ([]rollout.Goal, error) {
	goals := make([]rollout.Goal, len(s.targets))
	for i, t := range s.targets {
		goals[i] = rollout.Goal{
			Function: t.FunctionName,
			Action:   action,
			Dual:     t.Dual,
			Settle:   s.env.Settle,
			Previous: s.Previous,
		}
		if s.Settle != nil {
			goals[i].Settle = *s.Settle
		}
		if s.Previous == "" {
			goals[i].Previous = previous(t.Function)
		}
	}
	if action == rollout.Rollback {
		see(goals, s.rollout.Inspect(ctx, s.names()))
		return goals, nil
	}
	s.observeAndPack(ctx, goals)
	if action == rollout.Cleanup {
		s.warnOfTerraform()
		if !s.Force {
			s.gate(ctx, goals)
		}
	}
	return goals, nil
}

// see takes in how the functions of the goals were observed.
func see(goals []rollout.Goal, seen []rollout.Observation) {
	for i, o := range seen {
		goals[i].From = o.State
		if o.Err != nil {
			goals[i].Err = o.Err
		}
	}
}

// previous is the runtime that a function comes from, by the manifest: where it
// has no legacy binary that is not known.
func previous(f manifest.Function) string {
	if f.Dual {
		return rollout.Legacy
	}
	return ""
}

// observeAndPack reads the functions and meanwhile builds their zips, of which
// what was read rarely changes the kind.
func (s *session) observeAndPack(ctx context.Context, goals []rollout.Goal) {
	s.Progress.Printf("reading and building %s", ui.Functions(len(goals)))
	all := make([]int, len(goals))
	for i := range goals {
		all[i] = i
	}
	building, stop := context.WithCancel(ctx)
	defer stop()
	var seen []rollout.Observation
	var group sync.WaitGroup
	group.Go(func() {
		seen = s.rollout.Observe(ctx, s.names())
		if !slices.ContainsFunc(seen, func(o rollout.Observation) bool { return o.Err == nil }) {
			stop() // there is nothing to build for
		}
	})
	s.packGoals(building, goals, all)
	group.Wait()
	see(goals, seen)

	var legacy []int // that need lambda, against what lambdas.json says
	for i, g := range goals {
		if g.Err == nil && g.Bundle.Dual == nil && g.Legacy(g.From) {
			legacy = append(legacy, i)
		}
	}
	if len(legacy) > 0 {
		s.Progress.Printf("building %s with lambda: it may be serving there", ui.Functions(len(legacy)))
		s.packGoals(ctx, goals, legacy)
	}
}

// packGoals builds the zips that some of the goals need. One that cannot be
// built has a goal that says so.
func (s *session) packGoals(ctx context.Context, goals []rollout.Goal, some []int) {
	list := make([]wanted, len(some))
	for n, i := range some {
		list[n] = wanted{Function: s.targets[i].Function, name: goals[i].Function, legacy: goals[i].Legacy(goals[i].From)}
	}
	results, err := s.pack(ctx, list)
	if ctx.Err() != nil {
		err = rollout.ErrInterrupted
	}
	for n, i := range some {
		if err != nil {
			goals[i].Err = &rollout.FunctionError{Function: goals[i].Function, Doing: "building", Err: err}
			continue
		}
		goals[i].Bundle, goals[i].Err = results[n].bundle, results[n].err
	}
}

func summary(results []rollout.Result) string {
	var changed, same, failed int
	for _, r := range results {
		switch {
		case r.Err != nil:
			failed++
		case len(r.Done) > 0:
			changed++
		default:
			same++
		}
	}
	return fmt.Sprintf("%d changed, %d unchanged, %d failed", changed, same, failed)
}
