// Package bench measures dualboot and the recipe that it replaces side by side
// and compares them in a table.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/text"
)

// Options select what to measure. With the zero value, Run measures everything,
// with the running program in the current directory.
type Options struct {
	N       *int      // number of functions, at least 1; default 50
	Runs    *int      // runs of each measurement that is not marked "once", at least 1; default 3
	Only    *string   // comma-separated names of sections; default all
	Go      string    // go command; default "go"
	Program string    // program that mage compiles from the module in Root; default the running one
	Root    string    // directory of dualboot's own module; default the current one
	Stdout  io.Writer // receives the table; default os.Stdout

	// Progress, if not nil, receives a line about each measurement.
	Progress func(format string, args ...any)
}

// section is a group of rows that are measured together.
type section struct {
	name    string
	measure func(*bench, context.Context) error
}

// choose returns the named sections in the order of the table.
func choose(only *string) (chosen []section, err error) {
	all := []section{
		{"build", (*bench).build},
		{"zip", (*bench).zip},
		{"deploy", (*bench).deploy},
		{"single", (*bench).single},
		{"quotas", (*bench).quotas},
		{"memory", (*bench).memory},
		{"start", (*bench).start},
	}
	if only == nil {
		return all, nil
	}
	names := strings.Split(strings.ReplaceAll(*only, " ", ""), ",")
	var known []string
	for _, s := range all {
		known = append(known, s.name)
		if slices.Contains(names, s.name) {
			chosen = append(chosen, s)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-only: unknown section %q (known: %s)", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// bench is one run of the benchmark.
type bench struct {
	Options
	n, runs int
	dir     string   // holds all files
	env     []string // complete environment of every command
	version string   // of Go
	module  string   // path of dualboot's own module
	goMod   string   // the same module's go.mod under another path
	goSum   string
	varied  *fleet // n functions with a package each
	sharing *fleet // four times as many functions that share four packages
	table   text.Table
	errs    []error
}

// Run measures in a temporary directory and writes a Markdown table. The table
// marks the goals that are missed; these are not errors. The error reports
// invalid options and commands that fail. When ctx ends, Run kills the running
// command with its child processes and writes nothing.
func Run(ctx context.Context, o Options) error {
	sections, err := choose(o.Only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dualboot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := open(ctx, o, dir)
	if err != nil {
		return err
	}
	for _, s := range sections {
		err := s.measure(b, ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("measuring: %w", context.Cause(ctx))
		}
		if err != nil {
			b.fail(s.name, err)
			b.row(s.name, side{missing: failed}, side{}, wall, goal{})
		}
	}
	err = b.table.WriteMarkdown(b.Stdout)
	if err == nil {
		_, err = fmt.Fprintf(b.Stdout, "\n%s\n", b.caption())
	}
	return errors.Join(append(b.errs, err)...)
}

// open checks the options, fills in the defaults and writes the fleets that
// several sections measure.
func open(ctx context.Context, o Options, dir string) (_ *bench, err error) {
	b := &bench{Options: o, n: 50, runs: 3, dir: dir}
	if o.N != nil {
		b.n = *o.N
	}
	if o.Runs != nil {
		b.runs = *o.Runs
	}
	if b.n < 1 || b.runs < 1 {
		return nil, fmt.Errorf("-n is %d and -runs is %d; give numbers above 0", b.n, b.runs)
	}
	b.Go, b.Stdout = cmp.Or(o.Go, "go"), cmp.Or[io.Writer](o.Stdout, os.Stdout)
	if b.Progress == nil {
		b.Progress = func(string, ...any) {}
	}
	if b.Program == "" {
		if b.Program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if b.Root, err = filepath.Abs(o.Root); err != nil {
		return nil, err
	}
	if err := b.readModule(); err != nil {
		return nil, err
	}
	if b.env, err = environment(ctx, b.Go, dir); err != nil {
		return nil, err
	}
	version, err := b.script(&fleet{dir: dir}, b.Go, "env", "GOVERSION").run(ctx)
	b.version = strings.TrimSpace(version.stdout)
	b.table.Header = []string{"what", "dualboot", "compared with", "ratio", "goal"}
	b.varied = b.newFleet("varied", b.n, b.n, 0)
	b.sharing = b.newFleet("sharing", 4*b.n, 4, 0)
	return b, err
}

// environment returns the environment of every command: the user's, without the
// variables that change how commands build and where they deploy. Temporary
// files go to dir.
func environment(ctx context.Context, gocmd, dir string) ([]string, error) {
	tmp, none := filepath.Join(dir, "tmp"), filepath.Join(dir, "none")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return nil, err
	}
	env, err := build.Environment(ctx, gocmd, tmp, build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH})
	if err != nil {
		return nil, err
	}
	env = slices.DeleteFunc(env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "MAGEFILE_") ||
			slices.Contains([]string{"GOGC", "GOMEMLIMIT", "GODEBUG", "CGO_ENABLED", "GOOS", "GOARCH"}, name)
	})
	return append(env,
		"TMPDIR="+tmp,
		"GO="+gocmd, "GOWORK=off",
		"MAGEFILE_GOCMD="+gocmd, "MAGEFILE_CACHE="+filepath.Join(dir, "mage"),
		"AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	), nil
}

// fail reports an error and keeps it for the end.
func (b *bench) fail(what string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	b.Progress("%s: FAILED: %s", what, first)
	b.errs = append(b.errs, fmt.Errorf("%s: %w", what, err))
}

// caption returns the line below the table.
func (b *bench) caption() string {
	return fmt.Sprintf("%s and medians of %s, unless a row says otherwise, on %s/%s with %s and %s. The goals are meant for 50 functions. "+
		"The recipe handles one function after another: two `go build`, `touch`, `zip`, and with the AWS CLI "+
		"`update-function-code`, `wait function-updated` and `update-function-configuration`. "+
		"Deploys go to the emulator over loopback, without a settle delay unless a row says otherwise. An update takes 1 s there; "+
		"`wait` polls at once and then every 5 s.",
		text.Count(b.n, "function"), text.Count(b.runs, "run"), runtime.GOOS, runtime.GOARCH, text.Count(runtime.NumCPU(), "core"), b.version)
}
