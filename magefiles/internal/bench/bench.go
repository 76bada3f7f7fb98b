// Package bench measures dualboot against the recipe that it replaces, side by
// side and in one run.
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

	records "example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// Options say what to measure. The zero value measures everything, from the
// directory of this module and in the program that mage has made of it.
type Options struct {
	N       *int      // functions of the fleet; default 50
	Runs    *int      // how often each thing is measured that is not marked as once; default 3
	Only    *string   // sections, comma-separated; default all
	Go      string    // the go command; default go
	Program string    // what is measured: the program that mage makes; default the running one
	Root    string    // directory of the module of Program; default the current one
	Stdout  io.Writer // for the table; default os.Stdout
	Stderr  io.Writer // for progress; default os.Stderr
}

// section is a group of rows that are measured together.
type section struct {
	name    string
	measure func(*bench, context.Context) error
}

func sections() []section {
	return []section{
		{"build", (*bench).build},
		{"zip", (*bench).zip},
		{"deploy", (*bench).deploy},
		{"quotas", (*bench).quotas},
		{"memory", (*bench).memory},
		{"start", (*bench).start},
	}
}

// bench is one run.
type bench struct {
	n, runs  int
	sections []section
	gocmd    string
	version  string // of the go command
	program  string
	root     string
	dir      string   // holds everything on disk, removed at the end
	env      []string // of every command
	varied   *fleet   // of n functions; nil until it is needed
	progress *ui.UI
	rows     []row
	errs     []error
}

// Run measures in a temporary directory and writes a Markdown table. A goal that
// is missed shows there and is no error. The error is about what cannot be
// measured at all: bad options, and commands that failed. ctx ends it soon.
func Run(ctx context.Context, o Options) error {
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, s := range b.sections {
		if err := s.measure(b, ctx); err != nil {
			b.fail(ctx, s.name, err)
			b.add(row{what: s.name, ours: failed})
		}
		if ctx.Err() != nil {
			return records.ErrInterrupted
		}
	}
	out := cmp.Or[io.Writer](o.Stdout, os.Stdout)
	err = printTable(out, b.rows)
	if err == nil {
		_, err = fmt.Fprintf(out, "\n%s\n", b.caption())
	}
	return errors.Join(append(b.errs, err)...)
}

// open checks the options and prepares the temporary directory.
func open(ctx context.Context, o Options) (_ *bench, err error) {
	b := &bench{
		n: 50, runs: 3,
		gocmd:    cmp.Or(o.Go, "go"),
		program:  o.Program,
		progress: ui.New(nil, o.Stderr),
	}
	if o.N != nil {
		b.n = *o.N
	}
	if o.Runs != nil {
		b.runs = *o.Runs
	}
	if b.n < 1 {
		return nil, fmt.Errorf("-n is %d; give a number above 0", b.n)
	}
	if b.runs < 1 {
		return nil, fmt.Errorf("-runs is %d; give a number above 0", b.runs)
	}
	if b.sections, err = choose(o.Only); err != nil {
		return nil, err
	}
	if b.program == "" {
		if b.program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if b.root, err = filepath.Abs(o.Root); err != nil {
		return nil, err
	}
	if _, err := readModule(b.root); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "dualboot-bench-"); err != nil {
		return nil, err
	}
	if b.env, err = environment(ctx, b.gocmd, b.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	u, err := command{args: []string{b.gocmd, "env", "GOVERSION"}, dir: b.dir, env: b.env}.run(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	b.version = strings.TrimSpace(u.stdout)
	return b, nil
}

// choose returns the sections that are named, in their own order.
func choose(only *string) ([]section, error) {
	all := sections()
	if only == nil {
		return all, nil
	}
	names := strings.Split(strings.ReplaceAll(*only, " ", ""), ",")
	var known []string
	for _, s := range all {
		known = append(known, s.name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("-only: there is no section %q (known: %s)", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(s section) bool { return !slices.Contains(names, s.name) }), nil
}

func (b *bench) add(rows ...row) { b.rows = append(b.rows, rows...) }

// fail keeps an error for the end, unless it is that of an interrupt.
func (b *bench) fail(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	b.progress.Notef("%s: FAILED: %s", what, first)
	b.errs = append(b.errs, fmt.Errorf("%s: %w", what, err))
}

// caption is the line below the table.
func (b *bench) caption() string {
	return fmt.Sprintf("%s and medians of %d runs, unless a row says otherwise, on %s/%s with %d cores and %s. The goals are meant for 50 functions. "+
		"The recipe is what people did before, function by function: two `go build`, `touch`, `zip`, and by the AWS CLI "+
		"`update-function-code`, `wait function-updated` and `update-function-configuration`. "+
		"Deploys go over loopback to the stand-in for AWS, and do not settle unless a row says so. An update takes 1 s there; "+
		"`wait` looks at it at once, and then every 5 s.",
		text.Count(b.n, "function"), b.runs, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.version)
}
