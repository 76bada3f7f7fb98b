package manifest

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// checkPackages checks that each package is a directory in the repository with a
// package main that can be built for Lambda. Functions without sources have none.
func (d *decoder) checkPackages() {
	r := newRepository(filepath.Dir(d.manifest.source.file))
	for _, f := range d.functions {
		if f.Package == "" {
			continue
		}
		if fault := r.check(f.Package, f.Tags); fault != nil {
			d.report(f.members["package"], fault.message, fault.hint)
		}
	}
}

// CheckPackage checks, as [Load] does, that a manifest in dir can name the
// package, such as "./functions/example-api", for a function without build tags.
// The error is a [Problem] without a place.
func CheckPackage(dir, pkg string) error {
	f := checkPackage(pkg)
	if f == nil {
		f = newRepository(dir).check(pkg, nil)
	}
	return f.err()
}

// A repository is the directory of a manifest.
type repository struct {
	dir   string
	known map[string][]string // directories in directories, by slash-separated name
}

func newRepository(dir string) repository { return repository{dir, map[string][]string{}} }

func (r repository) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// check checks a package that is built with tags.
func (r repository) check(pkg string, tags []string) *fault {
	name := path.Clean(pkg)
	if f := r.find(name); f != nil {
		return f
	}
	switch inside, err := contains(r.dir, r.path(name)); {
	case err != nil:
		return &fault{fmt.Sprintf("following links of %q: %v", name, reason(err)), ""}
	case !inside:
		return &fault{fmt.Sprintf("%q leaves the repository through a symbolic link", name), "only packages inside can be built"}
	}
	return checkMain(name, r.path(name), tags)
}

// find checks that the directory name exists. It distinguishes upper and lower
// case even where the file system does not.
func (r repository) find(name string) *fault {
	near := "." // the directory so far, with typos corrected
	for element := range strings.SplitSeq(name, "/") {
		directories, err := r.directories(near)
		if err != nil {
			return &fault{fmt.Sprintf("looking for %q: %v", name, reason(err)), ""}
		}
		if element != "." && !slices.Contains(directories, element) {
			file := path.Join(near, element)
			if info, err := os.Stat(r.path(file)); err == nil && !info.IsDir() && strings.HasPrefix(name, file) {
				return &fault{fmt.Sprintf("%q is not a directory", file), "name the directory that contains the package"}
			}
			var ok bool
			if element, ok = nearest(element, directories); !ok {
				return &fault{fmt.Sprintf("no such directory %q", name), ""}
			}
		}
		near = path.Join(near, element)
	}
	if near != name {
		return &fault{fmt.Sprintf("no such directory %q", name), didYouMean(near)}
	}
	return nil
}

// directories returns the names of the directories in the directory name, and of
// symbolic links to directories. Dangling links count, because following them
// gives the better message.
func (r repository) directories(name string) ([]string, error) {
	if names, ok := r.known[name]; ok {
		return names, nil
	}
	entries, err := os.ReadDir(r.path(name))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(r.path(name), e.Name()))
			isDir = err != nil || info.IsDir()
		}
		if isDir {
			names = append(names, e.Name())
		}
	}
	r.known[name] = names
	return names, nil
}

// contains reports whether dir is inside root after all links are followed.
func contains(root, dir string) (bool, error) {
	root, rootErr := realPath(root)
	dir, dirErr := realPath(dir)
	if err := errors.Join(rootErr, dirErr); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel), nil
}

func realPath(name string) (string, error) {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(name)
}

// checkMain checks that dir, which messages call name, contains a package main
// when it is built for Lambda with tags. Everything else is up to the compiler.
func checkMain(name, dir string, tags []string) *fault {
	ctxt := build.Default
	ctxt.GOOS, ctxt.GOARCH, ctxt.Compiler, ctxt.CgoEnabled, ctxt.BuildTags = goos, goarch, "gc", false, tags

	p, err := ctxt.ImportDir(dir, 0)
	_, none := errors.AsType[*build.NoGoError](err)
	several, mixed := errors.AsType[*build.MultiplePackageError](err)
	switch {
	case none && len(p.IgnoredGoFiles) > 0:
		platform := goos + "/" + goarch
		if len(tags) > 0 {
			platform += " with tags " + strings.Join(tags, ",")
		}
		return &fault{fmt.Sprintf("%q contains no Go files for %s", name, platform),
			fmt.Sprintf(`%s: excluded by a build constraint or by import "C"`, p.IgnoredGoFiles[0])}
	case none:
		return &fault{fmt.Sprintf("%q contains no Go files", name), ""}
	case mixed:
		return &fault{fmt.Sprintf("%q contains several packages: %s in %s and %s in %s", name,
			several.Packages[0], several.Files[0], several.Packages[1], several.Files[1]), "a function is one package main"}
	case p.Name == "" && err != nil:
		return &fault{fmt.Sprintf("reading package %q: %v", name, err), ""}
	case len(p.GoFiles) == 0 && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0:
		return &fault{fmt.Sprintf("%q contains only tests", name), ""}
	case p.Name != "main":
		return &fault{fmt.Sprintf("%q is package %s, not package main", name, p.Name), "only package main builds into a binary"}
	}
	return nil
}

// reason returns err without the path, which the message contains already.
func reason(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
