package match

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Packages returns the packages below dir that are Lambda functions, sorted and
// named as in a lambdas.json in dir: "./functions/example-api". They are the main
// packages of dir's module or workspace that import
// github.com/aws/aws-lambda-go/lambda, directly or indirectly, when built for AWS.
// They need not compile. Packages that lambdas.json cannot name are in left.
//
// goCmd is the go command; empty means the one on PATH. It may download modules.
func Packages(ctx context.Context, goCmd, dir string) (packages []string, left []Unmatched, err error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	goCmd = cmp.Or(goCmd, "go")
	env, err := build.Environment(ctx, goCmd, "", build.AWS)
	if err != nil {
		return nil, nil, err
	}
	dirs, err := goCommand{goCmd, root, append(env, "PWD="+root)}.functions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		rel, err := filepath.Rel(root, d)
		if err != nil || !filepath.IsLocal(rel) {
			continue // elsewhere in the module or the workspace
		}
		if slices.Contains(strings.Split(filepath.ToSlash(rel), "/"), "magefiles") {
			continue // part of a program that deploys, such as this one
		}
		pkg := "."
		if rel != "." {
			pkg = "./" + filepath.ToSlash(rel)
		}
		if err := manifest.CheckPackage(root, pkg); err != nil {
			left = append(left, Unmatched{Name: pkg, Reason: err.Error()})
			continue
		}
		packages = append(packages, pkg)
	}
	slices.Sort(packages)
	slices.SortFunc(left, func(a, b Unmatched) int { return cmp.Compare(a.Name, b.Name) })
	return packages, left, nil
}

// goCommand is the go command in a directory.
type goCommand struct {
	path, dir string
	env       []string
}

// functions returns the directories of the main packages of the module or
// workspace that depend on github.com/aws/aws-lambda-go/lambda.
func (g goCommand) functions(ctx context.Context) ([]string, error) {
	// Outside a module, go list finds nothing and does not say why.
	out, err := g.run(ctx, "env", "GOMOD", "GOWORK")
	if err != nil {
		return nil, err
	}
	mod, work, _ := strings.Cut(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
	if (mod == "" || mod == os.DevNull) && strings.TrimSpace(work) == "" {
		return nil, fmt.Errorf(`%s is not in a Go module: it and its parent directories have no go.mod (run in the directory of your module, or create one with "go mod init")`, g.dir)
	}
	// The pattern work matches all packages of the workspace, or of the one
	// module. Source: https://pkg.go.dev/cmd/go#hdr-Package_lists_and_patterns
	const format = `{{range .Deps}}{{if and (eq $.Name "main") (eq . "github.com/aws/aws-lambda-go/lambda")}}{{$.Dir}}{{end}}{{end}}`
	out, err = g.run(ctx, "list", "-e", "-f", format, "work")
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' || r == '\r' }), err
}

// run returns the standard output of the go command.
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
		return nil, fmt.Errorf("looking for packages with go %s in %s: %w", args[0], g.dir, err)
	}
	return out, nil
}
