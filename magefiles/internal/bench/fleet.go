package bench

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// files holds the sources of functions, and the recipe.
//
//go:embed _files
var files embed.FS

// fleet is a repository with functions.
type fleet struct {
	dir      string
	names    []string // of the functions
	manifest string
	err      error // first error of writing it; scripts return it
}

// prefix precedes the names of functions on AWS.
const prefix = "prod-"

// newFleet writes a repository with n functions. The first functions have the
// packages functions/NAME with a handler each; the others share these.
func (b *bench) newFleet(name string, n, packages int, settle time.Duration) *fleet {
	f := &fleet{dir: filepath.Join(b.dir, name)}
	width := max(2, len(strconv.Itoa(n)))
	var functions []string
	for i := range n {
		f.names = append(f.names, fmt.Sprintf("f%0*d", width, i+1))
		functions = append(functions, fmt.Sprintf(`{"name": %q, "package": "./functions/%s"}`, f.names[i], f.names[i%packages]))
	}
	for i := range packages {
		f.writeHandler(i, f.names[i])
	}
	f.manifest = fmt.Sprintf(`{
  "environments": {"prod": {"prefix": %q, "settle": %q}},
  "functions": [
    %s
  ]
}
`, prefix, settle, strings.Join(functions, ",\n    "))
	f.write("lambdas.json", f.manifest)
	f.write("go.mod", b.goMod)
	f.write("go.sum", b.goSum)
	return f
}

// readModule reads what fleets need to have the dependencies of dualboot's own
// module.
func (b *bench) readModule() error {
	mod, err := os.ReadFile(filepath.Join(b.Root, "go.mod"))
	if err != nil {
		return fmt.Errorf("%w (run from dualboot's own repository)", err)
	}
	sum, err := os.ReadFile(filepath.Join(b.Root, "go.sum"))
	b.module = modfile.ModulePath(mod)
	b.goMod = strings.Replace(string(mod), "module "+b.module, "module example.com/fleet", 1)
	b.goSum = string(sum)
	return err
}

// writeHandler writes the source of the i-th function, one of several with
// different dependencies. The content makes it differ from others of its kind.
func (f *fleet) writeHandler(i int, content string) {
	sources, _ := fs.Glob(files, "_files/handlers/*/main.go")
	f.writeSource(i, sources[i%len(sources)], content)
}

func (f *fleet) writeSource(i int, file, content string) {
	source, err := files.ReadFile(file)
	f.check(err)
	f.write(f.source(i, "main.go"), strings.Replace(string(source), `"f00"`, strconv.Quote(content), 1))
}

// source returns the path of a file in the package of the i-th function.
func (f *fleet) source(i int, file string) string { return "functions/" + f.names[i] + "/" + file }

func (f *fleet) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *fleet) write(name, content string) {
	f.check(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.check(os.WriteFile(f.path(name), []byte(content), 0o644))
}

// check keeps the first error.
func (f *fleet) check(err error) { f.err = cmp.Or(f.err, err) }

// remover returns a function that removes a directory.
func (f *fleet) remover(dir string) func() error {
	return func() error { return os.RemoveAll(f.path(dir)) }
}

// restorer returns a function that removes the files and directories that match
// a pattern, except those that exist now.
func (f *fleet) restorer(pattern string) func() error {
	kept, _ := filepath.Glob(f.path(pattern))
	return func() (err error) {
		present, _ := filepath.Glob(f.path(pattern))
		for _, file := range present {
			if !slices.Contains(kept, file) {
				err = cmp.Or(err, os.RemoveAll(file))
			}
		}
		return err
	}
}
