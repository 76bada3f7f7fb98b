// Package rehearsal runs the whole migration on the emulator, under traffic,
// with the code that runs it on AWS and the binaries that would run there.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/traffic"
)

// Options say what to rehearse.
type Options struct {
	Env      string        // environment whose names, region and account are used
	Only     *string       // functions: see manifest.Pattern
	Copies   int           // how many of each function there are; default 1
	Rate     float64       // calls or records a second to each function; 0 is no traffic
	Duration time.Duration // how long events are sent at least
	Update   time.Duration // how long an update takes on the emulator
	Settle   time.Duration // settle delay instead of the environment's
	Window   time.Duration // how long what was before may serve after an update
	Go       string        // the go command; default go
	Stdout   io.Writer     // for the tables; default os.Stdout
	Stderr   io.Writer     // for progress; default os.Stderr
}

// Run starts the emulator, creates the functions as they stood before any
// migration, deploys and cleans up under traffic, and invokes each function
// before, between and after. It prints what became of each. lambdas.json is not
// changed.
//
// The error says what failed: a step of the migration, a function that answered
// before and does not answer now, an event that was lost or failed, or a moment
// at which a deployed zip held no binary that its runtime could start.
func Run(ctx context.Context, o Options) error {
	m, targets, err := o.load()
	if err != nil {
		return err
	}

	started := time.Now()
	s, err := openStage(ctx, o, targets)
	if err != nil {
		return err
	}
	defer s.close()
	errs := []error{s.build(ctx)}
	if len(s.targets) > 0 {
		errs = append(errs, s.create(ctx))
	}
	if len(s.targets) == 0 {
		return errors.Join(errs...)
	}
	m.Functions = nil // but those that were built and created
	for _, t := range s.targets {
		m.Functions = append(m.Functions, t.Function)
	}
	s.record(ctx, "before")
	sending := time.Now()
	events, err := s.traffic(ctx, traffic.Options{Rate: o.Rate})
	if err != nil {
		return err
	}

	opts := command.Options{
		Manifest: m,
		Rollout:  s.polling(),
		Settle:   &o.Settle,
		Force:    true, // it is over before CloudWatch would know
		Go:       o.Go,
		Zips:     s.dir,
		Platform: s.platform,
		AWS:      func(context.Context, manifest.Environment) (aws.Config, error) { return s.server.Config(), nil },
		Stdout:   io.Discard,
		Progress: s.progress,
	}
	err = command.Deploy(ctx, o.Env, opts)
	errs = append(errs, err)
	s.record(ctx, "deployed")
	if err == nil {
		errs = append(errs, command.Cleanup(ctx, o.Env, opts))
		s.record(ctx, "cleaned up")
	}
	sleep(ctx, o.Duration-time.Since(sending))
	reports := events.Stop()
	s.print(reports, time.Since(started))
	if ctx.Err() != nil { // what has not answered was interrupted
		return errors.Join(append(errs, rollout.ErrInterrupted)...)
	}
	return errors.Join(append(errs, s.check(reports))...)
}

// load returns the manifest, with as many copies as asked for, and what is
// selected of it.
func (o Options) load() (*manifest.Manifest, []manifest.Target, error) {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, nil, err
	}
	m, err := manifest.Load("lambdas.json")
	if err != nil {
		return nil, nil, err
	}
	multiply(m, o.Copies)
	targets, err := m.Select(o.Env, only)
	return m, targets, err
}

// multiply makes the manifest's functions n, all of the same packages.
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
