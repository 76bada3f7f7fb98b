package build

import (
	"bytes"
	"cmp"
	"context"
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

	// Files holds the path of each binary. It is empty if the build failed.
	Files map[Binary]string
	// Err is why the build failed: an *Error if the compiler refused a package.
	Err error
}

// Options say how to build. The zero value, with Out set, builds for AWS with
// the go command on PATH.
type Options struct {
	Go       string   // the go command; default "go"
	Platform Platform // default AWS
	// Out is the directory that keeps the binaries between runs, so that go
	// build links only what has changed. Required.
	Out string
	// Command, if not nil, is called with each command line before it runs. It
	// must be safe for concurrent use.
	Command func(line string)
}

// Error is what the go command printed for one binary of a function.
type Error struct {
	Binary Binary
	Output string
}

func (e *Error) Error() string { return fmt.Sprintf("go build of %s:\n%s", e.Binary, e.Output) }

// Build builds the binaries of all functions and sets each function's Files or
// Err. A function that does not compile does not stop the others. Build itself
// fails if the go command cannot run or ctx is done.
//
// The same sources and the same Go version give the same bytes in any directory,
// at any commit and with any Go settings of the user.
func Build(ctx context.Context, opts Options, functions []*Function) error {
	b := builder{gocmd: cmp.Or(opts.Go, "go"), report: opts.Command, failed: map[string]error{}}
	platform := cmp.Or(opts.Platform, AWS)
	out, err := filepath.Abs(opts.Out)
	if err != nil {
		return err
	}
	tmp := filepath.Join(out, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	removeStale(tmp)
	if b.env, err = Environment(ctx, b.gocmd, tmp, platform); err != nil {
		return err
	}

	units := map[Binary][]*unit{}
	for _, f := range functions {
		f.Files, f.Err = nil, nil
		source, err := find(f)
		if err != nil {
			f.Err = err
			continue
		}
		for _, binary := range f.Binaries {
			units[binary] = append(units[binary], &unit{function: f, source: source})
		}
	}
	// Both binaries build at the same time: while one go build loads packages,
	// which keeps one core busy, the other one uses the rest.
	var group sync.WaitGroup
	for binary, wanted := range units {
		commands := plan(binary, platform, out, wanted)
		group.Go(func() {
			for _, c := range commands {
				b.build(ctx, c)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, binary := range []Binary{Lambda, Bootstrap} {
		for _, u := range units[binary] {
			u.finish(binary, filepath.Join(opts.Out, strings.TrimPrefix(u.file, out)), b.failed[u.file])
		}
	}
	return nil
}

// finish records the result of one binary in its function. A function with an
// error has no files: those on disk may be from an earlier build.
func (u *unit) finish(binary Binary, file string, err error) {
	f := u.function
	f.Err = cmp.Or(f.Err, err)
	if f.Err != nil {
		f.Files = nil
		return
	}
	if f.Files == nil {
		f.Files = map[Binary]string{}
	}
	f.Files[binary] = file
}

type builder struct {
	gocmd  string
	env    []string
	report func(string)

	mu     sync.Mutex
	failed map[string]error // by output file
}

// build runs the command. One go build prints the errors of all its packages,
// and one package that cannot be loaded stops all of them, so build divides a
// failed command until it knows which packages fail.
func (b *builder) build(ctx context.Context, c command) {
	if output, err := b.run(ctx, c); err != nil {
		b.divide(ctx, c, output)
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
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range c.packages {
		b.failed[p.file] = &Error{Binary: c.binary, Output: output}
	}
}

// run runs the command and returns what it printed, or why it did not start.
func (b *builder) run(ctx context.Context, c command) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, b.gocmd, c.args()...)
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(b.env, []string{"PWD=" + c.dir})
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
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
