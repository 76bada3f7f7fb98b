// Package rehearsal runs the whole migration on the emulator under live traffic,
// with the code that runs it on AWS and the binaries that would run there.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/commandline"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/ui"
)

// Options are the options of Run and Controls.
type Options struct {
	Env      string               // environment whose names, region and account are used
	Only     *string              // functions: see [manifest.Pattern]
	Copies   int                  // how many of each function there are; default 1
	Rate     float64              // calls or records a second to each function; 0 sends none
	Duration time.Duration        // how long events are sent at least
	Update   time.Duration        // how long an update takes on the emulator
	Settle   time.Duration        // settle delay instead of the environment's
	Window   time.Duration        // how long the previous version may serve after an update
	Blocked  string               // runtimes that AWS has blocked for updates, comma-separated
	Go       string               // the go command; default "go"
	Program  *commandline.Program // says how hints spell commands
	UI       *ui.UI               // required
}

// Run starts the emulator, creates the functions as they were before any
// migration, deploys and cleans up under traffic, and invokes each function
// before, between and after. It writes the outcome of each, what was not learnt,
// and a verdict. It does not change lambdas.json.
//
// The error says what failed: a step of the migration, a function that answers
// worse than before, an event that was lost or failed, or a deployed zip without a
// binary that its runtime could start. It is also an error if nothing was learnt
// about any function.
func Run(ctx context.Context, o Options) (err error) {
	var end func()
	o.UI, end = o.UI.Begin(ctx, "local", o.Env)
	defer func() {
		end()
		err = o.UI.WriteFiles(err)
		o.UI.Failed(err)
		err = o.UI.Fit(err)
	}()
	m, targets, err := o.load()
	if err != nil {
		return err
	}
	functions, origins, err := o.withOrigins(targets)
	if err != nil {
		return err
	}
	if err := o.UI.CheckFiles(); err != nil {
		return err
	}
	started := time.Now()
	s, err := openStage(ctx, o, functions)
	if err != nil {
		return err
	}
	defer s.close()
	s.origins = origins
	errs := []error{s.build(ctx)}
	if len(s.functions) > 0 {
		errs = append(errs, s.create(ctx))
	}
	if len(s.functions) == 0 {
		return s.conclude(nil, errors.Join(errs...))
	}
	m.Functions = nil // except those that were built and created
	for _, f := range s.functions {
		m.Functions = append(m.Functions, f.Function)
	}
	s.noteMadeUp()
	reports, err := s.migrate(ctx, s.workspace(m))
	end() // the results follow
	errs = append(errs, err, o.UI.Space(), s.write(reports, time.Since(started)))
	if ctx.Err() != nil { // calls without an answer were interrupted
		return s.conclude(reports, errors.Join(append(errs, fleet.ErrInterrupted)...))
	}
	errs = append(errs, s.check(reports), s.checkLearnt(), s.writeChanges(), s.writeDoubts(reports))
	return s.conclude(reports, errors.Join(errs...))
}

// migrate deploys and cleans up under traffic. It invokes the functions before,
// between and after.
func (s *stage) migrate(ctx context.Context, w command.Workspace) ([]traffic.Report, error) {
	s.invokeAll(ctx, "before")
	sending := time.Now()
	events, err := s.traffic(ctx, traffic.Options{Rate: s.options.Rate, Invoked: s.options.UI.Invoked})
	if err != nil {
		return nil, err
	}
	selection := command.Selection{Env: s.options.Env}
	err = w.Deploy(ctx, command.DeployOptions{Selection: selection})
	s.invokeAll(ctx, "deployed")
	if err == nil {
		// The rehearsal ends before CloudWatch has figures.
		err = w.Cleanup(ctx, command.CleanupOptions{Selection: selection, Force: true, KeepManifest: true})
		s.invokeAll(ctx, "cleaned up")
	}
	if rest := s.options.Duration - time.Since(sending); rest > 0 {
		waiting := s.options.UI.Wait("sending events", rest)
		sleep(ctx, rest)
		waiting.End()
	}
	waiting := s.options.UI.Stage("waiting for the last answers", "", 0)
	defer waiting.End()
	return events.Stop(), err
}

// workspace runs commands on the stage.
func (s *stage) workspace(m *manifest.Manifest) command.Workspace {
	return command.Workspace{
		UI:       s.options.UI.Inner(),
		Manifest: m,
		Program:  s.options.Program,
		Go:       s.options.Go,
		Host:     s.host,
		Zips:     s.dir,
		AWS:      func(context.Context, awsclient.Access) (aws.Config, error) { return s.server.Config(), nil },
		Rollout:  s.polling(),
	}
}

// load returns the manifest with the copies and the settle delay that are wanted,
// and the selected functions.
func (o Options) load() (*manifest.Manifest, []manifest.Target, error) {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, nil, err
	}
	m, err := command.LoadManifest(o.Program)
	if err != nil {
		return nil, nil, err
	}
	if e, ok := m.Environments[o.Env]; ok {
		e.Settle = o.Settle
		m.Environments[o.Env] = e
	}
	multiply(m, o.Copies)
	targets, err := m.Select(o.Env, only)
	return m, targets, err
}

// records returns the records of functions.
func (o Options) records(targets []manifest.Target) (functions []*fleet.Function) {
	for _, t := range targets {
		functions = append(functions, &fleet.Function{Target: t, Goal: fleet.Goal{Settle: o.Settle}})
	}
	return functions
}

// multiply adds copies of the manifest's functions with sources until there are n of
// each.
func multiply(m *manifest.Manifest, n int) {
	once := slices.Clone(m.Functions)
	for i := 2; i <= n; i++ {
		for _, f := range once {
			if f.Deployed() {
				continue
			}
			f.Name = fmt.Sprintf("%s-%d", f.Name, i)
			f.Names = nil
			m.Functions = append(m.Functions, f)
		}
	}
}

// sleep waits for the delay and reports whether ctx was not done before.
func sleep(ctx context.Context, delay time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}
