package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/planfile"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// DeployOptions are the options of Deploy. With Ask, it asks on a terminal before it
// switches runtimes in an account that lambdas.json does not name.
type DeployOptions struct {
	Selection
	Concurrency int // functions to work on at the same time; default 1024, or 16 with StopAfter
	// First is the number of functions to migrate before all others, if it is not
	// 0. The others follow if these are healthy, or if somebody on a terminal says
	// so.
	First int
	// Wait, if not nil, is how long to wait for the metrics of the first functions,
	// instead of 5 minutes.
	Wait *time.Duration
	// StopAfter is the number of failures after which no function is started, if it
	// is not 0.
	StopAfter int
	// AllOrNothing changes nothing unless all functions are built and planned.
	AllOrNothing bool
	// Bridge makes it send no code to functions on go1.x before it switches them, as
	// if AWS had blocked the runtime.
	Bridge bool
	// Plan, if not nil, is a file that [Workspace.Plan] has written. Deploy changes
	// nothing unless its plan still holds. It names the functions.
	Plan *string
}

// check checks the options, and returns how many functions to work on at the same
// time.
func (o DeployOptions) check() (limit int, err error) {
	switch {
	case o.Plan != nil && *o.Plan == "":
		return 0, errors.New("-plan is empty; leave it out to deploy without a plan")
	case o.Plan != nil && o.Only != nil:
		return 0, errors.New("-plan and -only exclude each other: the plan names the functions")
	case o.Plan != nil && o.First > 0:
		return 0, errors.New("-plan and -first exclude each other: deploy with -first, or make a plan with -only= of the functions that go first")
	case o.Wait != nil && o.First == 0:
		return 0, errors.New("-wait goes with -first")
	}
	if o.StopAfter > 0 && o.Concurrency == 0 {
		return 16, nil
	}
	return cmp.Or(o.Concurrency, defaultConcurrency), nil
}

// Deploy updates the code of the functions of an environment, moves them to
// provided.al2023, and writes a JSON line for each. Running it again does what is
// left.
func (w Workspace) Deploy(ctx context.Context, o DeployOptions) (err error) {
	w, end := w.begin(ctx, "deploy", o.Env)
	defer end(&err)
	limit, err := o.check()
	if err != nil {
		return err
	}
	var saved *planfile.Plan
	if o.Plan != nil {
		if saved, err = planfile.Read(*o.Plan); err != nil {
			return fmt.Errorf("%w; make one with: %s", err, w.Program.Command("plan", "-env="+o.Env, "-out="+*o.Plan))
		}
		only := strings.Join(saved.Names(), ",")
		o.Only = &only
	}
	s, err := w.open(ctx, o.Selection)
	if err != nil {
		return err
	}
	for _, f := range s.functions {
		f.Bridge = o.Bridge
	}
	saveMemory()
	d := &deployment{session: s, options: o, limit: limit, results: s.UI.NewResults(s.functions)}
	s.UI.Fleet(s.functions)
	err = d.run(ctx, saved)
	if err != nil && !d.begun.Load() {
		return err
	}
	s.tidy(ctx)
	s.noteUnbuilt()
	s.noteSnapshots()
	return s.finish(d.results, err)
}

// RollbackOptions are the options of Rollback. With Ask and without Only, it asks
// on a terminal, and fails elsewhere.
type RollbackOptions struct {
	Selection
	Concurrency int // functions to work on at the same time; default 1024
	// Runtime is the runtime to return to; default the one that the manifest says
	// for each function.
	Runtime string
	// Settle, if not nil, is the settle delay instead of the environment's.
	Settle *time.Duration
}

// Rollback returns the functions of an environment to their previous runtime,
// leaves their code as it is, and writes a JSON line for each. The next Deploy
// moves them forward again.
func (w Workspace) Rollback(ctx context.Context, o RollbackOptions) (err error) {
	w, end := w.begin(ctx, "rollback", o.Env)
	defer end(&err)
	s, err := w.openRollback(ctx, o)
	if err != nil {
		return err
	}
	s.inspectRollback(ctx)
	if err := s.consentToRollback(ctx, o.Selection, s.warningOfReturn()); err != nil {
		return err
	}
	results := s.UI.NewResults(s.functions)
	s.UI.Fleet(s.functions)
	fleet.Each(s.functions, cmp.Or(o.Concurrency, defaultConcurrency), func(f *fleet.Function) { s.apply(ctx, f, results) })
	s.warnOfFallback()
	return s.finish(results, nil)
}

// openRollback opens a session whose functions have a rollback as their goal.
func (w Workspace) openRollback(ctx context.Context, o RollbackOptions) (*session, error) {
	if o.Runtime != "" && !slices.Contains(lambda.Origins(), o.Runtime) {
		return nil, fmt.Errorf("-runtime is %q; pass one of %s", o.Runtime, strings.Join(lambda.Origins(), ", "))
	}
	if o.Ask && o.Only == nil && !w.UI.Interactive() {
		return nil, fmt.Errorf("without -only, rollback returns all functions of %q to their old runtime; pass -yes if that is meant; nothing was read or changed", o.Env)
	}
	s, err := w.open(ctx, o.Selection)
	if err != nil {
		return nil, err
	}
	for _, f := range s.functions {
		f.Action, f.Previous = fleet.Rollback, cmp.Or(o.Runtime, f.RollbackTo)
		if o.Settle != nil {
			f.Settle = *o.Settle
		}
	}
	return s, nil
}

// CleanupOptions are the options of Cleanup. With Ask and without Only, it asks on a
// terminal.
type CleanupOptions struct {
	Selection
	Concurrency  int  // functions to work on at the same time; default 1024
	Force        bool // skip the health check
	KeepManifest bool // do not change lambdas.json
}

// Cleanup drops lambda from the zips of the functions that are on provided.al2023
// and as healthy as before, and writes a JSON line for each. Once every function
// of the environment is clean, it sets the environment's "dual" to false in
// lambdas.json.
func (w Workspace) Cleanup(ctx context.Context, o CleanupOptions) (err error) {
	w, end := w.begin(ctx, "cleanup", o.Env)
	defer end(&err)
	s, err := w.openCleanup(ctx, o)
	if err != nil {
		return err
	}
	if s.asksForAll(o.Selection) {
		if err := s.confirm(ctx, "drop lambda from the zip of "+text.Count(len(s.functions), "function")); err != nil {
			return err
		}
	}
	saveMemory()
	results := s.UI.NewResults(s.functions)
	s.UI.Fleet(s.functions)
	if err := s.prepareCleanup(ctx, o); err != nil {
		return err
	}
	fleet.Each(s.functions, cmp.Or(o.Concurrency, defaultConcurrency), func(f *fleet.Function) { s.apply(ctx, f, results) })
	err = s.finish(results, nil)
	if o.KeepManifest {
		return err
	}
	if err != nil || !s.whole() {
		s.noteRestoring()
		return err
	}
	changed, err := manifest.SetDual(File, o.Env, false)
	if changed {
		s.UI.Notef("%s: set \"dual\" of %q to false, so that no deploy brings the legacy binaries back; commit the change", File, o.Env)
	}
	return err
}

// noteRestoring says that the next deploy undoes a partial cleanup.
func (s *session) noteRestoring() {
	restored := func(f *fleet.Function) bool {
		return f.Err == nil && f.Dual && !f.Function.Deployed() && cmp.Or(f.Architecture, lambda.X86_64) == lambda.X86_64
	}
	if slices.ContainsFunc(s.functions, restored) {
		s.notef("until all functions of %q are clean, a deploy brings the legacy binaries back; to prevent that, set %q to false for the clean ones in %s", s.env.Name, "dual", File)
	}
}

// openCleanup opens a session whose functions have a cleanup as their goal.
func (w Workspace) openCleanup(ctx context.Context, o CleanupOptions) (*session, error) {
	s, err := w.open(ctx, o.Selection)
	if err != nil {
		return nil, err
	}
	for _, f := range s.functions {
		f.Action = fleet.Cleanup
	}
	return s, nil
}

// prepareCleanup prepares the functions and refuses those that are not healthy.
func (s *session) prepareCleanup(ctx context.Context, o CleanupOptions) error {
	if err := s.prepare(ctx, defaultConcurrency, nil, func(*fleet.Function) {}); err != nil {
		return err
	}
	s.warnOfTerraform()
	s.warnOfNewCode()
	if !o.Force {
		s.gate(ctx)
	}
	return nil
}

// warnOfNewCode names the functions to which cleanup deploys other code than the
// one whose health it checks.
func (s *session) warnOfNewCode() {
	var names []string
	for _, f := range s.functions {
		if f.Err == nil && !rollout.Refused(f) && f.Zips.Find(f.Observed.CodeSha256) == nil {
			names = append(names, f.FunctionName)
		}
	}
	if len(names) > 0 {
		s.warnf("%s: deployed is not what these sources build now, so cleanup deploys code whose health nobody has checked; run: %s, and clean up later",
			text.List(names, 20), s.Program.Command("deploy", s.env.Name))
	}
}

// apply brings a function to its goal and writes its result.
func (s *session) apply(ctx context.Context, f *fleet.Function, results *ui.Results) {
	s.rollout.Apply(ctx, f)
	s.UI.Result(f)
	results.Done(f)
}

// finish writes the summary and returns the errors of the functions, with the one
// of the command, which is that of no function.
func (s *session) finish(results *ui.Results, err error) error {
	broken := results.Finish()
	s.notef("%s; calls: %s", ui.Summary(s.functions), s.calls())
	failed := fleet.Errors(s.functions)
	if broken != nil {
		failed = errors.Join(failed, broken)
	}
	switch {
	case failed == nil:
	case err == nil:
		err = failed
	case errors.Is(err, fleet.ErrNotYet): // it failed, even if others are to follow later
		err = errors.Join(failed, errors.New(err.Error()))
	default:
		err = errors.Join(failed, err)
	}
	return s.UI.Conclude(s.functions, err)
}

// saveMemory makes the garbage collector try to keep the process below 256 MiB,
// unless GOMEMLIMIT is set. Otherwise the garbage of sent zips doubles that
// without making anything faster.
func saveMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256 << 20)
	}
}
