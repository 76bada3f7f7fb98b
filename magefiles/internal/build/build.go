package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/modfile"
)

// Function is what to build.
type Function struct {
	Name     string   // names the function in errors
	Package  string   // directory of its main package
	Tags     []string // build tags besides those of the binary
	Binaries []Binary
}

// Result is what became of one function.
type Result struct {
	// Files holds the path of each binary that was asked for.
	Files map[Binary]string
	// Err says why there is no such file: an *Error for what the compiler
	// refused.
	Err error
}

// Options say how to build. The zero value builds for AWS with the go command
// on PATH.
type Options struct {
	Go       string   // the go command; default "go"
	Platform Platform // default AWS
	// Out is the directory that keeps the binaries from run to run, so that
	// what has not changed is not linked again. Required.
	Out string
	// Verbose, when not nil, is told each go command before it runs.
	Verbose io.Writer
}

// Error is what the go command printed for one binary of a function.
type Error struct {
	Binary Binary
	Output string
}

func (e *Error) Error() string { return fmt.Sprintf("go build of %s:\n%s", e.Binary, e.Output) }

// Build builds the binaries of all functions and returns a result for each, in
// their order. A function that does not compile does not keep the others from
// being built. The error is about the go command itself, or ctx.
//
// The same sources and the same Go version give the same bytes, whatever the
// directory, the commit, and the user's go settings.
func Build(ctx context.Context, opts Options, functions []Function) ([]Result, error) {
	b := builder{gocmd: cmp.Or(opts.Go, "go"), verbose: opts.Verbose, failed: map[string]error{}}
	binaries := [...]Binary{Lambda, Bootstrap}
	platform := cmp.Or(opts.Platform, AWS)
	out, err := filepath.Abs(opts.Out)
	if err != nil {
		return nil, err
	}
	tmp := filepath.Join(out, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return nil, err
	}
	if b.env, err = Environment(ctx, b.gocmd, tmp, platform); err != nil {
		return nil, err
	}

	results := make([]Result, len(functions))
	sources := make([]source, len(functions))
	for i, f := range functions {
		results[i].Files = map[Binary]string{}
		sources[i], results[i].Err = find(f)
	}
	// The two binaries side by side: while one go build lists packages, which
	// keeps one core busy, the other has work for the rest.
	var group sync.WaitGroup
	wanted, files := [2][]int{}, [2][]string{}
	for n, binary := range binaries {
		var picked []source
		for i, f := range functions {
			if results[i].Err == nil && slices.Contains(f.Binaries, binary) {
				wanted[n], picked = append(wanted[n], i), append(picked, sources[i])
			}
		}
		var commands []command
		commands, files[n] = plan(binary, platform, out, picked)
		group.Go(func() {
			for _, c := range commands {
				b.build(ctx, c)
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for n, binary := range binaries {
		for at, i := range wanted[n] {
			file := files[n][at]
			results[i].Files[binary] = filepath.Join(opts.Out, strings.TrimPrefix(file, out))
			if results[i].Err == nil {
				results[i].Err = b.failed[file]
			}
		}
	}
	return results, nil
}

// find locates the function's package in its module.
func find(f Function) (source, error) {
	dir, err := filepath.Abs(f.Package)
	if err != nil {
		return source{}, err
	}
	for root := dir; ; root = filepath.Dir(root) {
		mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if errors.Is(err, os.ErrNotExist) {
			if filepath.Dir(root) == root {
				return source{}, fmt.Errorf("package %s is in no module: there is no go.mod in it or above", f.Package)
			}
			continue
		}
		if err != nil {
			return source{}, fmt.Errorf("finding the module of package %s: %w", f.Package, err)
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return source{}, err
		}
		rel = filepath.ToSlash(rel)
		module := modfile.ModulePath(mod)
		if module == "" {
			return source{}, fmt.Errorf("%s names no module", filepath.Join(root, "go.mod"))
		}
		return source{module: root, pattern: "./" + rel, importPath: path.Join(module, rel), tags: f.Tags}, nil
	}
}

type builder struct {
	gocmd string
	env   []string

	mu      sync.Mutex // for what follows
	verbose io.Writer
	failed  map[string]error // by output file
}

// build runs the command. When it fails it divides it, down to the functions
// that do not compile: one go build prints the errors of all its packages, and
// one package that cannot be loaded keeps all from being built.
func (b *builder) build(ctx context.Context, c command) {
	if output, err := b.run(ctx, c); err != nil {
		b.divide(ctx, c, output)
	}
}

// divide finds out to which packages of a failed command its output belongs.
// When both halves fail with the same words it is to all of them.
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
	for _, file := range c.files {
		b.failed[file] = &Error{Binary: c.binary, Output: output}
	}
}

// run returns what the go command printed, or why it did not run.
func (b *builder) run(ctx context.Context, c command) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, b.gocmd, c.args()...)
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(b.env, []string{"PWD=" + c.dir})
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if b.verbose != nil {
		b.mu.Lock()
		fmt.Fprintf(b.verbose, "cd %s && %s\n", c.dir, cmd)
		b.mu.Unlock()
	}
	err := cmd.Run()
	if err != nil && out.Len() == 0 {
		return err.Error(), err
	}
	return strings.TrimRight(out.String(), "\n"), err
}
