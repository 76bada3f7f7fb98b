package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Function is the build of one function: what to build, and the result.
type Function struct {
	Name     string   // for errors
	Package  string   // directory of its main package
	Tags     []string // build tags besides those of the binary
	Binaries []Binary

	// Files holds the path of each binary. Build adds to it. It is empty if the
	// build failed.
	Files map[Binary]string
	// Err is why the build failed: an *Error if the compiler refused a package.
	Err error

	place int // number that keeps its executables apart from others of that name; 0 before the first Build
}

// Options say how to build. The zero value, with Out set, builds for AWS with
// the go command on PATH.
type Options struct {
	Go string // the go command; default "go"
	// Host builds for this machine instead of Lambda, whatever the architecture of
	// the binary. Such binaries are not checked.
	Host bool
	// Out is the directory that keeps the binaries between runs, so that go
	// build links only what has changed. Required.
	Out string
	// Command, if not nil, is called with each command line before it runs. It
	// must be safe for concurrent use.
	Command func(line string)
	// Progress, if not nil, is called from time to time with the number of binaries
	// that are built, and of all binaries.
	Progress func(built, all int)
}

// Error is what the go command printed for a binary of a function.
type Error struct {
	Binaries []Binary // those of any function with the same output, sorted by name
	Output   string
}

func (e *Error) Error() string {
	names := make([]string, len(e.Binaries))
	for i, b := range e.Binaries {
		names[i] = b.String()
	}
	return fmt.Sprintf("go build of %s:\n%s", strings.Join(names, " and "), e.Output)
}

// Build builds the binaries of all functions, checks them, and sets each
// function's Files or Err. A function that does not compile, or that Lambda could
// not start, does not stop the others. Build itself fails if the go command cannot
// run or ctx is done.
//
// The same sources and the same Go version give the same bytes in any directory,
// at any commit and with any Go settings of the user.
//
// Build may be called again with some of the same functions, for more binaries or
// fewer. Files keeps the other binaries of the function, and no binary of another
// function is overwritten. The first call must have all functions.
func Build(ctx context.Context, opts Options, functions []*Function) error {
	b := builder{gocmd: cmp.Or(opts.Go, "go"), report: opts.Command, host: opts.Host, failed: map[string]error{}}
	out, err := filepath.Abs(opts.Out)
	if err != nil {
		return err
	}
	tmp := filepath.Join(out, "tmp")
	for _, dir := range []string{out, tmp} {
		if target, err := os.Readlink(dir); err == nil {
			return fmt.Errorf("%s is a symbolic link to %s; remove the link: go build writes there", dir, target)
		}
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	removeStale(tmp)
	if b.env, err = environment(ctx, b.gocmd, tmp); err != nil {
		return err
	}

	all := units(functions)
	place(all)
	byBinary := map[Binary][]*unit{}
	for _, u := range all {
		binary := u.binary
		if opts.Host {
			binary.Architecture = "" // one build for all
		}
		byBinary[binary] = append(byBinary[binary], u)
	}
	// All binaries build at the same time: while one go build loads packages,
	// which keeps one core busy, the others use the rest.
	var group sync.WaitGroup
	for binary, wanted := range byBinary {
		platform := binary.platform()
		if opts.Host {
			platform = host()
		}
		commands := plan(binary, platform, out, wanted)
		group.Go(func() {
			for _, c := range commands {
				b.build(ctx, c)
			}
		})
	}
	stop := watch(opts.Progress, all)
	group.Wait()
	stop()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.join()
	for _, u := range all {
		u.finish(filepath.Join(opts.Out, strings.TrimPrefix(u.file, out)), b.failure(u.file))
	}
	return nil
}

// units returns the binaries of all functions whose package is in a module. The
// others fail.
func units(functions []*Function) []*unit {
	var all []*unit
	for _, f := range functions {
		f.Err = nil
		source, err := find(f.Package)
		for _, binary := range f.Binaries {
			err = cmp.Or(err, binary.valid())
		}
		if err != nil {
			f.Files, f.Err = nil, err
			continue
		}
		for _, binary := range f.Binaries {
			all = append(all, &unit{function: f, source: source, binary: binary})
		}
	}
	return all
}

// finish records the result of one binary in its function. A function with an
// error has no files: those on disk may be from an earlier build.
func (u *unit) finish(file string, err error) {
	f := u.function
	f.Err = cmp.Or(f.Err, err)
	if f.Err != nil {
		f.Files = nil
		return
	}
	if f.Files == nil {
		f.Files = map[Binary]string{}
	}
	f.Files[u.binary] = file
}

type builder struct {
	gocmd  string
	env    []string
	report func(string)
	host   bool // build for this machine, check nothing

	mu     sync.Mutex
	failed map[string]error // by output file
}

// build runs the command. One go build prints the errors of all its packages,
// and one package that cannot be loaded stops all of them, so build divides a
// failed command until it knows which packages fail. Then it checks the
// others, and builds damaged ones once more.
func (b *builder) build(ctx context.Context, c command) {
	if output, err := b.run(ctx, c); err != nil {
		b.divide(ctx, c, output)
	}
	if b.host || ctx.Err() != nil {
		return
	}
	var again []pkg
	for _, p := range c.packages {
		if b.failure(p.file) != nil {
			continue
		}
		err := check(p.file, c.binary, c.dir)
		if _, ok := errors.AsType[damaged](err); ok && !c.again && os.Remove(p.file) == nil {
			again = append(again, p)
			continue
		}
		b.fail(p.file, err)
	}
	if len(again) > 0 {
		c.packages, c.again = again, true
		b.build(ctx, c)
	}
}

// fail records why an output file cannot be used; err may be nil.
func (b *builder) fail(file string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed[file] = err
}

// failure returns why an output file cannot be used, or nil.
func (b *builder) failure(file string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed[file]
}

// join makes errors with the same output equal: functions may share a package, or
// import the one that does not compile, and need not have the same binaries.
func (b *builder) join() {
	binaries := map[string][]Binary{} // by output
	for _, err := range b.failed {
		if e, ok := errors.AsType[*Error](err); ok {
			binaries[e.Output] = append(binaries[e.Output], e.Binaries...)
		}
	}
	for output, list := range binaries {
		slices.SortFunc(list, func(a, b Binary) int { return cmp.Compare(a.String(), b.String()) })
		binaries[output] = slices.Compact(list)
	}
	for _, err := range b.failed {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Binaries = binaries[e.Output]
		}
	}
}

// divide assigns the output of a failed command to its packages. If both halves
// fail with the same output, it belongs to all of them.
func (b *builder) divide(ctx context.Context, c command, output string) {
	if ctx.Err() != nil {
		return
	}
	if len(c.packages) > 1 {
		first, second := c.halves()
		output1, err1 := b.run(ctx, first)
		output2, err2 := b.run(ctx, second)
		if err1 == nil || err2 == nil || output1 != output2 {
			if err1 != nil {
				b.divide(ctx, first, output1)
			}
			if err2 != nil {
				b.divide(ctx, second, output2)
			}
			return
		}
	}
	for _, p := range c.packages {
		b.fail(p.file, &Error{Binaries: []Binary{c.binary}, Output: explain(output, c.dir)})
	}
}

// explain adds a fix to what go build prints about a module that go.work does not
// use: it names no directory, or one relative to the module.
func explain(output, module string) string {
	if strings.HasPrefix(output, "main module (") && strings.Contains(output, "does not contain package") ||
		strings.Contains(output, "is not one of the workspace modules listed in go.work") {
		return fmt.Sprintf("%s\ngo.work does not use the module in %s; run: go work use %[2]s", output, module)
	}
	return output
}

// run runs the command and returns what it printed, or why it did not start.
func (b *builder) run(ctx context.Context, c command) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, b.gocmd, c.args()...)
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(b.env, c.platform.env(), []string{"PWD=" + c.dir})
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if b.report != nil {
		b.report(fmt.Sprintf("cd %s && %s", c.dir, cmd))
	}
	err := cmd.Run()
	if err != nil && out.Len() == 0 {
		return err.Error(), err
	}
	return strings.TrimRight(out.String(), "\n"), err
}

// stale is the age at which a temporary directory of go build is taken to be
// from a run that was killed.
const stale = time.Hour

// removeStale removes temporary directories that killed runs left in dir. What
// it cannot remove stays.
func removeStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), "go-") && time.Since(info.ModTime()) > stale {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
