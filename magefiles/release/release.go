// Package release runs one command from end to end: it reads lambdas.json,
// builds, zips, rolls out and reports.
package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/build"
	"example.com/dualboot/magefiles/bundle"
	"example.com/dualboot/magefiles/manifest"
	"example.com/dualboot/magefiles/report"
	"example.com/dualboot/magefiles/rollout"
)

// file is the manifest, in the directory that a command runs in.
const file = "lambdas.json"

// Options say how to run a command. The zero value is what mage runs with, in
// the directory of lambdas.json.
type Options struct {
	// Only, when not nil, selects functions: see manifest.Pattern.
	Only *string
	// Rollout are the limits of the rollout.
	Rollout rollout.Options
	// Settle, when not nil, is the settle delay instead of the environment's.
	Settle *time.Duration

	Go      string    // the go command; default go
	Verbose io.Writer // told each go build, when it is not nil
	Zips    string    // directory for the zips; default bin

	// Manifest is used instead of lambdas.json when it is not nil, and nothing
	// is written to lambdas.json then.
	Manifest *manifest.Manifest
	// Platform is what the binaries are built for; default build.AWS.
	Platform build.Platform
	// AWS returns the AWS configuration of an environment; default LoadAWS.
	AWS func(context.Context, manifest.Environment) (aws.Config, error)

	Stdout   io.Writer        // for data; default os.Stdout
	Progress *report.Progress // default one that begins now, to os.Stderr
}

func (o Options) stdout() io.Writer { return cmp.Or[io.Writer](o.Stdout, os.Stdout) }

// load returns the manifest and the pattern that selects functions.
func (o Options) load() (*manifest.Manifest, string, error) {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, "", err
	}
	if o.Manifest != nil {
		return o.Manifest, only, nil
	}
	m, err := manifest.Load(file)
	return m, only, err
}

// Build builds the binaries of each function and writes a JSON line with their
// paths for each.
func Build(ctx context.Context, o Options) error {
	return o.produce(ctx, o.compile, func(b built) any {
		return struct {
			Name     string
			Binaries map[build.Binary]string
		}{b.name, b.files}
	})
}

// Zip builds the functions, writes the zips of each, and a JSON line that
// describes them.
func Zip(ctx context.Context, o Options) error {
	return o.produce(ctx, o.pack, func(b built) any {
		packages := []*bundle.Package{b.bundle.Bootstrap}
		if b.bundle.Dual != nil {
			packages = append(packages, b.bundle.Dual)
		}
		return struct {
			Name     string
			Packages []*bundle.Package
		}{b.name, packages}
	})
}

// produce runs a step of the build for the functions that are selected.
func (o Options) produce(ctx context.Context, step func(context.Context, []wanted) ([]built, error), describe func(built) any) error {
	m, only, err := o.load()
	if err != nil {
		return err
	}
	functions, err := m.Match(only)
	if err != nil {
		return err
	}
	list := make([]wanted, len(functions))
	for i, f := range functions {
		list[i] = wanted{Function: f, name: f.Name, legacy: f.Dual}
	}
	results, err := step(ctx, list)
	if err != nil {
		return err
	}
	errs := make([]error, len(results))
	for i, r := range results {
		if errs[i] = r.err; r.err != nil {
			continue
		}
		if err := report.JSON(o.stdout(), describe(r)); err != nil {
			return err
		}
	}
	return rollout.Failures(errs)
}

// Deploy brings the functions of an environment to provided.al2023, with the
// code as it is now, and writes a JSON line for each. Deploying again does what
// is left, and nothing when nothing is.
func Deploy(ctx context.Context, env string, o Options) error {
	_, err := o.roll(ctx, env, false)
	return err
}

// Cleanup drops lambda from the zips of the functions that have left go1.x, and
// writes a JSON line for each. Once every function of the environment is clean
// it sets the environment's dual to false in lambdas.json.
func Cleanup(ctx context.Context, env string, o Options) error {
	o.Progress = o.progress()
	all, err := o.roll(ctx, env, true)
	if err != nil || !all || o.Manifest != nil {
		return err
	}
	changed, err := manifest.SetDual(file, env, false)
	if changed {
		o.Progress.Printf("%s: %q of %q is false now, so that no deploy brings lambda back; commit it", file, "dual", env)
	}
	return err
}

func (o Options) progress() *report.Progress {
	if o.Progress != nil {
		return o.Progress
	}
	return report.NewProgress(os.Stderr)
}

// roll deploys or cleans up, and reports whether that went for all functions of
// the environment.
func (o Options) roll(ctx context.Context, env string, cleanup bool) (all bool, err error) {
	m, only, err := o.load()
	if err != nil {
		return false, err
	}
	targets, err := m.Select(env, only)
	if err != nil {
		return false, err
	}
	if o.Rollout.Concurrency < 0 {
		return false, fmt.Errorf("-concurrency is %d; give a number above 0", o.Rollout.Concurrency)
	}
	e := targets[0].Environment
	load := o.AWS
	if load == nil {
		load = LoadAWS
	}
	cfg, err := load(ctx, e)
	if err != nil {
		return false, err
	}
	patient(&cfg)
	var calls calls
	calls.watch(&cfg)

	progress := o.progress()
	progress.Printf("%s: %s", env, describe(cfg, e, len(targets)))
	if err := checkCredentials(ctx, cfg, e); err != nil {
		return false, err
	}

	o.Rollout.Events = progress.Step
	r := rollout.New(lambda.NewFromConfig(cfg), o.Rollout)
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.FunctionName
	}
	goals := make([]rollout.Goal, len(targets))
	for i, seen := range r.Observe(ctx, names) {
		goals[i] = rollout.Goal{
			Function: names[i],
			From:     seen.State,
			Cleanup:  cleanup,
			Dual:     targets[i].Dual,
			Settle:   e.Settle,
			Err:      seen.Err,
		}
		if o.Settle != nil {
			goals[i].Settle = *o.Settle
		}
	}
	o.packGoals(ctx, progress, targets, goals)

	lines := report.NewLines(o.stdout())
	results := r.Apply(ctx, goals, func(i int, result rollout.Result) {
		progress.Result(result)
		lines.Put(i, result)
	})
	errs := make([]error, len(results))
	for i, result := range results {
		errs[i] = result.Err
	}
	progress.Printf("%s: %s; calls: %v", env, summary(results), &calls)
	err = rollout.Failures(errs)
	if broken := lines.Err(); broken != nil {
		err = errors.Join(err, fmt.Errorf("writing the results: %w", broken))
	}
	return len(targets) == len(m.Functions), err
}

// packGoals builds the zips that the goals need, and no others. A function
// that cannot be read is not built, and one that cannot be built has a goal
// that says so.
func (o Options) packGoals(ctx context.Context, progress *report.Progress, targets []manifest.Target, goals []rollout.Goal) {
	var list []wanted
	var at []int // the goal of each
	for i, g := range goals {
		if g.Err == nil {
			list = append(list, wanted{Function: targets[i].Function, name: g.Function, legacy: g.Legacy(g.From)})
			at = append(at, i)
		}
	}
	if len(list) == 0 {
		return
	}
	progress.Printf("building %s", report.Functions(len(list)))
	results, err := o.pack(ctx, list)
	if ctx.Err() != nil {
		err = rollout.ErrInterrupted
	}
	for n, i := range at {
		if err != nil {
			goals[i].Err = &rollout.FunctionError{Function: goals[i].Function, Doing: "building", Err: err}
			continue
		}
		goals[i].Bundle, goals[i].Err = results[n].bundle, results[n].err
	}
}

func describe(cfg aws.Config, e manifest.Environment, n int) string {
	text := fmt.Sprintf("%s in %s", report.Functions(n), cfg.Region)
	if e.Profile != "" {
		text += ", profile " + e.Profile
	}
	if e.Account != "" {
		text += ", account " + e.Account
	}
	if cfg.BaseEndpoint != nil {
		text += ", endpoint " + *cfg.BaseEndpoint
	}
	return text
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
