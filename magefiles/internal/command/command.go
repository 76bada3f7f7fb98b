// Package command runs one command from beginning to end: it reads lambdas.json,
// selects functions, runs the stages, and hands the results to the user
// interface.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/commandline"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// File is the manifest, in the directory in which a command runs.
const File = "lambdas.json"

// ErrChanges reports that there is something to do.
var ErrChanges = errors.New("there are changes")

// Workspace is what commands run in. The zero value, with a UI, is the current
// directory and AWS.
type Workspace struct {
	UI *ui.UI // required

	// Manifest is used instead of lambdas.json if it is not nil.
	Manifest *manifest.Manifest
	// Program says how hints spell commands.
	Program *commandline.Program
	// Go is the go command; default "go".
	Go string
	// Verbose makes builds note each go command before it runs.
	Verbose bool
	// Host makes builds for this machine instead of Lambda's.
	Host bool
	// Zips is the directory of the zips; default "bin".
	Zips string
	// AWS returns the AWS configuration of an environment; default
	// awsclient.Load.
	AWS func(context.Context, awsclient.Access) (aws.Config, error)
	// Rollout are the limits of rollouts.
	Rollout rollout.Options
}

// Selection selects functions of an environment.
type Selection struct {
	Env string
	// Only, if not nil, selects functions by name: see [manifest.Pattern].
	Only *string
	// Ask makes commands that change functions ask before they do so, as they
	// document it. Without it they never ask.
	Ask bool
}

// defaultConcurrency is how many functions a rollout works on at the same time.
// Nearly all of them wait: for the settle delay or for the quota. At 15 updates a
// second and a settle delay of a minute, 500 functions use up the quota.
const defaultConcurrency = 1024

// begin names the command in its progress and results. The function that it returns
// ends the progress, writes the report and the trace, reports the error of the
// command where it runs in CI, and makes it fit the terminal.
func (w Workspace) begin(ctx context.Context, command, env string) (Workspace, func(*error)) {
	named, end := w.UI.Begin(ctx, command, env)
	w.UI = named
	return w, func(err *error) {
		end()
		*err = named.WriteFiles(*err)
		if !errors.Is(*err, ErrChanges) {
			named.Failed(*err)
			*err = named.Fit(*err)
		}
	}
}

// load returns the manifest.
func (w Workspace) load() (*manifest.Manifest, error) {
	if w.Manifest != nil {
		return w.Manifest, nil
	}
	return LoadManifest(w.Program)
}

// LoadManifest returns lambdas.json. If there is none, the error says how to create
// it with the program.
func LoadManifest(program *commandline.Program) (*manifest.Manifest, error) {
	m, err := manifest.Load(File)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w (run from the directory that contains it, or create one with: %s)", err, program.Command("init"))
	}
	return m, err
}

// choice returns the selection of functions that need not be in the manifest.
func (s Selection) choice() (*manifest.Choice, error) {
	only, err := manifest.Pattern(s.Only)
	if err != nil {
		return nil, err
	}
	return manifest.Choose(only)
}

// selected returns the manifest, and the records of the functions that are
// selected, which are never none.
func (w Workspace) selected(s Selection) (*manifest.Manifest, []*fleet.Function, error) {
	only, err := manifest.Pattern(s.Only)
	if err != nil {
		return nil, nil, err
	}
	m, err := w.load()
	if err != nil {
		return nil, nil, err
	}
	targets, err := m.Select(s.Env, only)
	if err != nil {
		return nil, nil, err
	}
	return m, records(targets), nil
}

func records(targets []manifest.Target) []*fleet.Function {
	functions := make([]*fleet.Function, len(targets))
	for i, t := range targets {
		functions[i] = &fleet.Function{Target: t, Goal: fleet.Goal{Settle: t.Environment.Settle}}
	}
	return functions
}

// CheckNumber returns an error if the value of a flag is given and is not above 0.
func CheckNumber(flag string, value *int) error {
	if value != nil && *value <= 0 {
		return fmt.Errorf("%s is %d; pass a number above 0", flag, *value)
	}
	return nil
}

// Zips is the default directory of the zips.
const Zips = "bin"

func (w Workspace) zips() string { return cmp.Or(w.Zips, Zips) }
