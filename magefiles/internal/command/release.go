// Package release runs one command from end to end: it reads lambdas.json,
// builds, zips, rolls out and reports.
package command

import (
	"cmp"
	"context"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
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
	// Previous is the runtime that a rollback returns to; default go1.x, but for
	// functions that the manifest says were never there.
	Previous string
	// Force cleans up functions whatever CloudWatch says of them.
	Force bool

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

	Stdout   io.Writer    // for data; default os.Stdout
	Progress *ui.Progress // default one that begins now, to os.Stderr
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

// choice is what Only selects of what is not in the manifest.
func (o Options) choice() (*manifest.Choice, error) {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, err
	}
	return manifest.Choose(only)
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
	o.progress().Printf("building %s", ui.Functions(len(list)))
	results, err := step(ctx, list)
	if err != nil {
		return err
	}
	errs := make([]error, len(results))
	for i, r := range results {
		if errs[i] = r.err; r.err != nil {
			continue
		}
		if err := ui.JSON(o.stdout(), describe(r)); err != nil {
			return err
		}
	}
	return rollout.Failures(errs)
}
