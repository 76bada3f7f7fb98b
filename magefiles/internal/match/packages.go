// Package discover finds out what a first lambdas.json says: which packages of
// a module are Lambda functions, and which functions on AWS they are.
package match

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/manifest"
)

// lambdaPackage is what a Go function on Lambda is started by.
const lambdaPackage = "github.com/aws/aws-lambda-go/lambda"

// Packages returns the packages below dir that are Lambda functions, sorted and
// as lambdas.json in dir names them: "./functions/example-api". They are the
// main packages of the module around dir, or of its workspace, that import
// github.com/aws/aws-lambda-go/lambda, themselves or through what they import,
// when built for AWS. They need not compile. Those that lambdas.json cannot name
// are in left.
//
// goCmd is the go command; empty means the one on PATH. It downloads modules as
// it would for a build.
func Packages(ctx context.Context, goCmd, dir string) (packages []string, left []Unmatched, err error) {
	goCmd = cmp.Or(goCmd, "go")
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	env, err := build.Environment(ctx, goCmd, "", build.AWS)
	if err != nil {
		return nil, nil, err
	}
	g := goCommand{goCmd, root, append(env, "PWD="+root)}
	if err := g.checkModule(ctx); err != nil {
		return nil, nil, err
	}
	dirs, err := g.mains(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		rel, err := filepath.Rel(root, d)
		if err != nil || !filepath.IsLocal(rel) {
			continue // elsewhere in the module or the workspace
		}
		pkg := "."
		if rel != "." {
			pkg = "./" + filepath.ToSlash(rel)
		}
		if err := manifest.CheckPackage(root, pkg); err != nil {
			left = append(left, Unmatched{Package: pkg, Reason: err.Error()})
			continue
		}
		packages = append(packages, pkg)
	}
	slices.Sort(packages)
	slices.SortFunc(left, func(a, b Unmatched) int { return cmp.Compare(a.Package, b.Package) })
	return packages, left, nil
}

// A goCommand is the go command as it runs in a directory.
type goCommand struct {
	path, dir string
	env       []string
}

// checkModule checks that the directory is in a module or a workspace. go list
// finds nothing elsewhere, and says no more than that.
func (g goCommand) checkModule(ctx context.Context) error {
	out, err := g.run(ctx, "env", "GOMOD", "GOWORK")
	if err != nil {
		return err
	}
	mod, work, _ := strings.Cut(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
	if (mod == "" || mod == os.DevNull) && strings.TrimSpace(work) == "" {
		return fmt.Errorf(`%s is in no Go module: there is no go.mod in it or above (run from the directory of your module, or make one with "go mod init")`, g.dir)
	}
	return nil
}

// mains returns the directories of the main packages of the module or the
// workspace that import lambdaPackage in the end.
func (g goCommand) mains(ctx context.Context) ([]string, error) {
	// work stands for all packages of the workspace, or of the one module.
	// Source: https://pkg.go.dev/cmd/go#hdr-Package_lists_and_patterns
	out, err := g.run(ctx, "list", "-e", "-json=Name,Dir,Deps", "work")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Name, Dir string
			Deps      []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return dirs, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading what go list printed in %s: %w", g.dir, err)
		}
		if p.Name == "main" && slices.Contains(p.Deps, lambdaPackage) {
			dirs = append(dirs, p.Dir)
		}
	}
}

// run returns what the go command writes to its standard output.
func (g goCommand) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for packages by go %s in %s: %w", args[0], g.dir, err)
	}
	return out, nil
}
