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
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/ui"
)

// Options are the options of Run and Controls.
type Options struct {
	Env      string        // environment whose names, region and account are used
	Only     *string       // functions: see [manifest.Pattern]
	Copies   int           // how many of each function there are; default 1
	Rate     float64       // calls or records a second to each function; 0 sends none
	Duration time.Duration // how long events are sent at least
	Update   time.Duration // how long an update takes on the emulator
	Settle   time.Duration // settle delay instead of the environment's
	Window   time.Duration // how long the previous version may serve after an update
	Go       string        // the go command; default "go"
	UI       *ui.UI        // required
}

// Run starts the emulator, creates the functions as they were before any
// migration, deploys and cleans up under traffic, and invokes each function
// before, between and after. It writes the outcome of each and does not change
// lambdas.json.
//
// The error says what failed: a step of the migration, a function that answered
// before and does not answer now, an event that was lost or failed, or a deployed
// zip without a binary that its runtime could start.
func Run(ctx context.Context, o Options) error {
	m, functions, err := o.load()
	if err != nil {
		return err
	}
	started := time.Now()
	s, err := openStage(ctx, o, functions)
	if err != nil {
		return err
	}
	defer s.close()
	errs := []error{s.build(ctx)}
	if len(s.functions) > 0 {
		errs = append(errs, s.create(ctx))
	}
	if len(s.functions) == 0 {
		return errors.Join(errs...)
	}
	m.Functions = nil // except those that were built and created
	for _, f := range s.functions {
		m.Functions = append(m.Functions, f.Function)
	}
	s.invokeAll(ctx, "before")
	sending := time.Now()
	events, err := s.traffic(ctx, traffic.Options{Rate: o.Rate})
	if err != nil {
		return err
	}

	w := s.workspace(m)
	err = w.Deploy(ctx, command.DeployOptions{Selection: command.Selection{Env: o.Env}})
	errs = append(errs, err)
	s.invokeAll(ctx, "deployed")
	if err == nil {
		// The rehearsal ends before CloudWatch has figures.
		cleanup := command.CleanupOptions{Selection: command.Selection{Env: o.Env}, Force: true, KeepManifest: true}
		errs = append(errs, w.Cleanup(ctx, cleanup))
		s.invokeAll(ctx, "cleaned up")
	}
	sleep(ctx, o.Duration-time.Since(sending))
	reports := events.Stop()
	errs = append(errs, s.write(reports, time.Since(started)))
	if ctx.Err() != nil { // calls without an answer were interrupted
		return errors.Join(append(errs, fleet.ErrInterrupted)...)
	}
	return errors.Join(append(errs, s.check(reports))...)
}

// workspace runs commands on the stage.
func (s *stage) workspace(m *manifest.Manifest) command.Workspace {
	return command.Workspace{
		UI:       s.options.UI.WithoutResults(),
		Manifest: m,
		Go:       s.options.Go,
		Host:     s.host,
		Zips:     s.dir,
		AWS:      func(context.Context, awsclient.Access) (aws.Config, error) { return s.server.Config(), nil },
		Rollout:  s.polling(),
	}
}

// load returns the manifest with the copies and the settle delay that are wanted,
// and the selected functions.
func (o Options) load() (*manifest.Manifest, []*fleet.Function, error) {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, nil, err
	}
	m, err := manifest.Load(command.File)
	if err != nil {
		return nil, nil, err
	}
	if e, ok := m.Environments[o.Env]; ok {
		e.Settle = o.Settle
		m.Environments[o.Env] = e
	}
	multiply(m, o.Copies)
	targets, err := m.Select(o.Env, only)
	if err != nil {
		return nil, nil, err
	}
	var functions []*fleet.Function
	for _, t := range targets {
		functions = append(functions, &fleet.Function{Target: t, Goal: fleet.Goal{Settle: o.Settle}})
	}
	return m, functions, nil
}

// multiply adds copies of the manifest's functions until there are n of each.
func multiply(m *manifest.Manifest, n int) {
	once := slices.Clone(m.Functions)
	for i := 2; i <= n; i++ {
		for _, f := range once {
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
