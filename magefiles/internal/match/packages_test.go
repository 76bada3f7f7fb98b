package match

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// stub replaces github.com/aws/aws-lambda-go, so that tests download nothing.
const stub = `
-- stub/go.mod --
module github.com/aws/aws-lambda-go
-- stub/lambda/lambda.go --
package lambda

func Start(any) {}
-- stub/events/events.go --
package events
`

const module = `
-- go.mod --
module example.com/fleet

go 1.26

require github.com/aws/aws-lambda-go v1.0.0

replace github.com/aws/aws-lambda-go => ./stub
`

// function is the source file of a Lambda function.
const function = `package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(nil) }
`

// write writes the files of a txtar archive to dir.
func write(t *testing.T, dir, files string) {
	t.Helper()
	for _, file := range txtar.Parse([]byte(files)).Files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// offline keeps the go command from downloading anything.
func offline(t *testing.T) {
	t.Helper()
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOTOOLCHAIN", "local")
}

// check compares the results of Packages in dir with the wanted ones.
func check(t *testing.T, dir string, want []string, wantLeft ...Unmatched) {
	t.Helper()
	packages, left, err := Packages(t.Context(), "", dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, packages); diff != "" {
		t.Errorf("packages, -want +got\n%s", diff)
	}
	if diff := cmp.Diff(wantLeft, left); diff != "" {
		t.Errorf("left, -want +got\n%s", diff)
	}
}

func TestPackages(t *testing.T) {
	offline(t)
	t.Setenv("GOOS", "windows")
	t.Setenv("GOFLAGS", "-tags=never")
	dir := t.TempDir()
	write(t, dir, module+stub+`
-- main.go --
`+function+`
-- functions/direct/main.go --
`+function+`
-- functions/through/main.go --
package main

import "example.com/fleet/internal/run"

func main() { run.Run() }
-- internal/run/run.go --
package run

import "github.com/aws/aws-lambda-go/lambda"

func Run() { lambda.Start(nil) }
-- functions/does_not-parse/main.go --
`+function+`
func }
-- functions/does_not-compile/main.go --
`+function+`
var x int = "x"
-- functions/misses/main.go --
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
	"nowhere.example.com/missing"
)

func main() { lambda.Start(missing.X) }
-- functions/on/linux/main_linux.go --
`+function+`
-- functions/on-demand/main.go --
`+function+`
-- functions/on/windows/main_windows.go --
`+function+`
-- functions/tagged/main.go --
//go:build never

`+function+`
-- functions/testonly/main_test.go --
`+function+`
-- cmd/tool/main.go --
package main

import _ "github.com/aws/aws-lambda-go/events"

func main() {}
-- cmd/tool/testdata/function/main.go --
`+function+`
-- _old/function/main.go --
`+function+`
-- .old/function/main.go --
`+function+`
-- vendor2/function/main.go --
`+function+`
-- nested/go.mod --
module example.com/nested
-- nested/function/main.go --
`+function+`
-- magefiles/internal/probe/main.go --
`+function+`
-- left/two/a.go --
`+function+`
-- left/two/b.go --
package other
-- left/dots..dots/main.go --
`+function)

	want := []string{
		".", "./functions/direct", "./functions/does_not-compile", "./functions/does_not-parse", "./functions/misses",
		"./functions/on-demand", "./functions/on/linux", "./functions/through", "./vendor2/function",
	}
	left := []Unmatched{
		{Name: "./left/dots..dots", Reason: `"./left/dots..dots" is not a package directory (package directories look like ./functions/example-api)`},
		{Name: "./left/two", Reason: `"left/two" contains several packages: main in a.go and other in b.go (a function is one package main)`},
	}
	check(t, dir, want, left...)

	t.Run("below the module", func(t *testing.T) {
		check(t, filepath.Join(dir, "functions", "on"), []string{"./linux"})
	})
	t.Run("by a link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
		check(t, link, want, left...)
	})
	t.Run("relative", func(t *testing.T) {
		t.Chdir(dir)
		check(t, ".", want, left...)
	})
}

func TestPackagesVendored(t *testing.T) {
	offline(t)
	dir := t.TempDir()
	write(t, dir, `
-- go.mod --
module example.com/fleet

go 1.26

require github.com/aws/aws-lambda-go v1.0.0
-- function/main.go --
`+function+`
-- vendor/modules.txt --
# github.com/aws/aws-lambda-go v1.0.0
## explicit
github.com/aws/aws-lambda-go/lambda
-- vendor/github.com/aws/aws-lambda-go/lambda/lambda.go --
package lambda

func Start(any) {}
-- vendor/github.com/aws/aws-lambda-go/cmd/function/main.go --
`+function)
	check(t, dir, []string{"./function"})
}

func TestPackagesWorkspace(t *testing.T) {
	offline(t)
	dir := t.TempDir()
	write(t, dir, stub+`
-- repository/go.work --
go 1.26

use (
	./b
	./a
	../outside
)

replace github.com/aws/aws-lambda-go => ../stub
-- repository/a/go.mod --
module example.com/z

go 1.26

require github.com/aws/aws-lambda-go v1.0.0
-- repository/a/function/main.go --
`+function+`
-- repository/b/go.mod --
module example.com/b

go 1.26

require github.com/aws/aws-lambda-go v1.0.0
-- repository/b/main.go --
`+function+`
-- outside/go.mod --
module example.com/outside

go 1.26

require github.com/aws/aws-lambda-go v1.0.0
-- outside/function/main.go --
`+function)
	check(t, filepath.Join(dir, "repository"), []string{"./a/function", "./b"})
}

func TestPackagesErrors(t *testing.T) {
	offline(t)
	dir := t.TempDir()
	write(t, dir, `
-- none/main.go --
`+function+`
-- broken/go.mod --
module
-- good/go.mod --
module example.com/good
`)
	for _, test := range []struct {
		goCmd, dir string
		want       []string
	}{
		{"", "none", []string{filepath.Join(dir, "none") + " is not in a Go module", "no go.mod", "go mod init"}},
		{"", "broken", []string{"looking for packages", "go.mod:1"}},
		{"", "missing", []string{"looking for packages", "missing"}},
		{"no-such-go", "good", []string{"no-such-go"}},
	} {
		_, _, err := Packages(t.Context(), test.goCmd, filepath.Join(dir, test.dir))
		if err == nil || slices.ContainsFunc(test.want, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: got error %v, want %q in it", test.dir, err, test.want)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Packages(ctx, "", filepath.Join(dir, "good")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	check(t, filepath.Join(dir, "good"), nil)
}
