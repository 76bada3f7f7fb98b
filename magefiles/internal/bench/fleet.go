package bench

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/mod/modfile"
)

// handlers are the kinds of function of a fleet, with differing dependencies.
//
//go:embed _handlers
var handlers embed.FS

// fleet is a repository with functions and their lambdas.json.
type fleet struct {
	dir   string
	names []string // of the functions
}

// newVaried writes a fleet of functions of all kinds, each with a package of its
// own.
func newVaried(dir, root string, n int) (*fleet, error) {
	kinds, err := handlers.ReadDir("_handlers")
	if err != nil {
		return nil, err
	}
	f := &fleet{dir: dir, names: names(n)}
	packages := make([]string, n)
	for i, name := range f.names {
		packages[i] = "./functions/" + name
		source, err := handlers.ReadFile(path.Join("_handlers", kinds[i%len(kinds)].Name(), "main.go"))
		if err != nil {
			return nil, err
		}
		if err := f.write(f.source(name), stamp(source, name)); err != nil {
			return nil, err
		}
	}
	return f, errors.Join(f.writeModule(root), f.writeManifest(packages, 0))
}

// newShared writes a fleet of functions that have one package together, made of
// the files.
func newShared(dir, root string, n int, settle time.Duration, files map[string][]byte) (*fleet, error) {
	f := &fleet{dir: dir, names: names(n)}
	packages := make([]string, n)
	for i := range packages {
		packages[i] = "./functions/shared"
	}
	for name, content := range files {
		if err := f.write("functions/shared/"+name, content); err != nil {
			return nil, err
		}
	}
	return f, errors.Join(f.writeModule(root), f.writeManifest(packages, settle))
}

// names returns f01 and so on.
func names(n int) []string {
	width := max(2, len(strconv.Itoa(n)))
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("f%0*d", width, i+1)
	}
	return list
}

// source is the file of a function that has its own.
func (f *fleet) source(name string) string { return "functions/" + name + "/main.go" }

// change gives a function's source a content that it has not had.
func (f *fleet) change(name, content string) error {
	source, err := os.ReadFile(f.path(f.source(name)))
	if err != nil {
		return err
	}
	return f.write(f.source(name), stamp(source, content))
}

// stamp sets the constant that tells one function from another.
func stamp(source []byte, value string) []byte {
	const declaration = "const function = "
	before, rest, _ := bytes.Cut(source, []byte(declaration))
	_, after, _ := bytes.Cut(rest, []byte("\n"))
	return fmt.Appendf(nil, "%s%s%q\n%s", before, declaration, value, after)
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *fleet) write(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.path(name), content, 0o644)
}

// writeModule writes a go.mod with the requirements of the one in root, besides
// others, and the go.sum that goes with it.
func (f *fleet) writeModule(root string, more ...func(*modfile.File) error) error {
	mod, err := readModule(root)
	if err != nil {
		return err
	}
	errs := []error{mod.AddModuleStmt("example.com/fleet")}
	for _, edit := range more {
		errs = append(errs, edit(mod))
	}
	text, err := mod.Format()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return errors.Join(f.write("go.mod", text), f.write("go.sum", sum))
}

func readModule(root string) (*modfile.File, error) {
	name := filepath.Join(root, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w (run from dualboot's own repository)", err)
	}
	return modfile.Parse(name, data, nil)
}

// writeManifest writes lambdas.json, with the package of each function.
func (f *fleet) writeManifest(packages []string, settle time.Duration) error {
	type function struct {
		Name    string `json:"name"`
		Package string `json:"package"`
	}
	functions := make([]function, len(f.names))
	for i, name := range f.names {
		functions[i] = function{name, packages[i]}
	}
	text, err := json.MarshalIndent(map[string]any{
		"environments": map[string]any{"prod": map[string]string{"prefix": prefix, "settle": settle.String()}},
		"functions":    functions,
	}, "", "  ")
	if err != nil {
		return err
	}
	return f.write("lambdas.json", text)
}

// prefix goes before the functions' names on AWS.
const prefix = "prod-"
