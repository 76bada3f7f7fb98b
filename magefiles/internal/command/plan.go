package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// PlanOptions are the options of Plan.
type PlanOptions struct {
	Selection
	Cleanup  bool    // plan a cleanup
	Rollback bool    // plan a rollback
	Force    bool    // with Cleanup: skip the health check
	Runtime  string  // with Rollback: see RollbackOptions
	Bridge   bool    // see DeployOptions
	Out      *string // file to which the plan of a deploy is written, if not nil
}

// name returns the command with the action to plan.
func (o PlanOptions) name() string {
	switch {
	case o.Cleanup:
		return "plan -cleanup"
	case o.Rollback:
		return "plan -rollback"
	}
	return "plan"
}

// Plan writes what Deploy would do to each function of an environment, or what
// Cleanup or Rollback would do, and changes nothing. It returns ErrChanges if
// there is something to do, and the failures and refusals if there are any.
func (w Workspace) Plan(ctx context.Context, o PlanOptions) (err error) {
	w, end := w.begin(ctx, o.name(), o.Env)
	defer end(&err)
	s, err := w.openPlan(ctx, o)
	if err != nil {
		return err
	}
	for _, f := range s.functions {
		rollout.Preview(f)
	}
	if err := s.UI.Plans(s.functions); err != nil {
		return err
	}
	edits := o.Cleanup && s.whole() && s.env.Dual
	s.noteAny(s.warningOfReturn())
	if edits {
		s.notef("once all functions are clean, cleanup sets %q to false in %s", "dual", File)
	}
	s.notef("%s; calls: %s", ui.PlanSummary(s.functions), s.calls())
	if err := fleet.Errors(s.functions); err != nil {
		if o.Out != nil {
			s.notef("%s was not written: make a plan without failures; -only= selects other functions", *o.Out)
		}
		return err
	}
	if o.Out != nil {
		if err := s.plan().Write(*o.Out); err != nil {
			return err
		}
		s.notef("the plan is in %s; to do this and nothing else: %s", *o.Out, s.Program.Command("deploy", withBridge(o.Bridge, s.env.Name, "-plan="+*o.Out)...))
	}
	if edits || slices.ContainsFunc(s.functions, func(f *fleet.Function) bool { return len(f.Plan) > 0 }) {
		return ErrChanges
	}
	return nil
}

// withBridge returns the arguments of a command, with -bridge if that was passed.
func withBridge(bridge bool, args ...string) []string {
	if bridge {
		args = append(args, "-bridge")
	}
	return args
}

// openPlan opens a session and prepares its functions for the action to plan.
func (w Workspace) openPlan(ctx context.Context, o PlanOptions) (s *session, err error) {
	switch {
	case o.Cleanup && o.Rollback:
		return nil, errors.New("-cleanup and -rollback are two plans; pass one of them")
	case o.Force && !o.Cleanup:
		return nil, errors.New("-force goes with -cleanup")
	case o.Runtime != "" && !o.Rollback:
		return nil, errors.New("-runtime goes with -rollback")
	case o.Bridge && (o.Cleanup || o.Rollback):
		return nil, errors.New("-bridge goes with the plan of a deploy; leave out -cleanup and -rollback")
	case o.Out != nil && *o.Out == "":
		return nil, errors.New("-out is empty; leave it out to write no file")
	case o.Out != nil && (o.Cleanup || o.Rollback):
		return nil, errors.New("-out goes with the plan of a deploy, which deploy -plan= applies; leave out -cleanup and -rollback")
	case o.Out != nil:
		if err := atomicfile.Check(*o.Out); err != nil {
			return nil, fmt.Errorf("-out: the file could not be written: %w", err)
		}
	case o.Cleanup:
		cleanup := CleanupOptions{Selection: o.Selection, Force: o.Force}
		if s, err = w.openCleanup(ctx, cleanup); err == nil {
			err = s.prepareCleanup(ctx, cleanup)
		}
		return s, err
	case o.Rollback:
		if s, err = w.openRollback(ctx, RollbackOptions{Selection: o.Selection, Runtime: o.Runtime}); err == nil {
			s.inspectRollback(ctx)
		}
		return s, err
	}
	if s, err = w.open(ctx, o.Selection); err == nil {
		for _, f := range s.functions {
			f.Bridge = o.Bridge
		}
		err = s.prepare(ctx, defaultConcurrency, nil, func(*fleet.Function) {})
	}
	return s, err
}
