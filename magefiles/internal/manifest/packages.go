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

// checkPackages checks that each function's package is a directory in the
// repository that holds a package main, as it would be built for Lambda.
func (d *decoder) checkPackages() {
	r := repository{dir: filepath.Dir(d.manifest.source.file), listings: map[string][]os.DirEntry{}}
	for i, f := range d.manifest.Functions {
		if n := d.functions[i].pkg; n != nil {
			if message, hint, ok := r.check(path.Clean(f.Package), f.Tags); !ok {
				d.report(n, message, hint)
			}
		}
	}
}

// CheckPackage checks, as [Load] does, that a manifest in dir can name the
// package, such as "./functions/example-api", for a function without build tags.
// The error is a [Problem] without a place.
func CheckPackage(dir, pkg string) error {
	message, hint, ok := checkPackage(pkg)
	if ok {
		r := repository{dir: dir, listings: map[string][]os.DirEntry{}}
		message, hint, ok = r.check(path.Clean(pkg), nil)
	}
	if !ok {
		return Problem{Message: message, Hint: hint}
	}
	return nil
}

// A repository is the directory of a manifest, with what was listed of it.
type repository struct {
	dir      string
	listings map[string][]os.DirEntry
}

// check checks the package in the directory called name, built with tags.
func (r repository) check(name string, tags []string) (message, hint string, ok bool) {
	if message, hint, ok := r.find(name); !ok {
		return message, hint, false
	}
	dir := filepath.Join(r.dir, filepath.FromSlash(name))
	switch inside, err := contains(r.dir, dir); {
	case err != nil:
		return fmt.Sprintf("cannot follow %q: %v", name, reason(err)), "", false
	case !inside:
		return fmt.Sprintf("%q leads out of the repository by a symbolic link", name), "only packages inside can be built", false
	}
	return checkMain(name, dir, tags)
}

// find looks for the directory called name element by element. Unlike the file
// system, it tells upper and lower case apart everywhere.
func (r repository) find(name string) (message, hint string, ok bool) {
	at, missing := ".", false // the way so far, with mistakes corrected
	for element := range strings.SplitSeq(name, "/") {
		if element == "." {
			continue
		}
		entries, err := r.list(at)
		if err != nil {
			return fmt.Sprintf("cannot look for %q: %v", name, reason(err)), "", false
		}
		var names []string
		for _, e := range entries {
			if r.isDir(at, e) {
				names = append(names, e.Name())
			} else if e.Name() == element && !missing {
				return fmt.Sprintf("%q is not a directory", path.Join(at, element)), "name the directory that holds the package", false
			}
		}
		if !slices.Contains(names, element) {
			missing = true
			if element, ok = nearest(element, names); !ok {
				return fmt.Sprintf("no such directory %q", name), "", false
			}
		}
		at = path.Join(at, element)
	}
	if missing {
		return fmt.Sprintf("no such directory %q", name), didYouMean(at), false
	}
	return "", "", true
}

// list returns the entries of the directory called name.
func (r repository) list(name string) ([]os.DirEntry, error) {
	entries, ok := r.listings[name]
	if !ok {
		var err error
		if entries, err = os.ReadDir(filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
		r.listings[name] = entries
	}
	return entries, nil
}

// isDir reports whether e, an entry of the directory called name, is a
// directory or a symbolic link to one. A link that leads nowhere counts as one,
// because following it says more.
func (r repository) isDir(name string, e os.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(r.dir, filepath.FromSlash(name), e.Name()))
	return err != nil || info.IsDir()
}

// contains reports whether dir is inside root when all links are followed.
func contains(root, dir string) (bool, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return false, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return false, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel), nil
}

// checkMain checks that dir, which messages call name, holds a package main
// when built for Lambda with tags. What is wrong with it beyond that is left to
// the compiler.
func checkMain(name, dir string, tags []string) (message, hint string, ok bool) {
	ctxt := build.Default
	ctxt.GOOS, ctxt.GOARCH, ctxt.Compiler, ctxt.CgoEnabled = "linux", "amd64", "gc", false
	ctxt.BuildTags = tags

	p, err := ctxt.ImportDir(dir, 0)
	var several *build.MultiplePackageError
	var none *build.NoGoError
	switch {
	case errors.As(err, &none):
		if len(p.IgnoredGoFiles) > 0 {
			return fmt.Sprintf("%q holds no Go files for linux/amd64%s", name, withTags(tags)), fmt.Sprintf("%s: excluded by a build constraint or by import \"C\"", p.IgnoredGoFiles[0]), false
		}
		return fmt.Sprintf("%q holds no Go files", name), "", false
	case errors.As(err, &several):
		return fmt.Sprintf("%q holds several packages: %s in %s and %s in %s", name,
			several.Packages[0], several.Files[0], several.Packages[1], several.Files[1]), "a function is one package main", false
	case p.Name == "" && err != nil:
		return fmt.Sprintf("%q cannot be read as a package: %v", name, err), "", false
	case len(p.GoFiles) == 0 && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0:
		return fmt.Sprintf("%q holds nothing but tests", name), "", false
	case p.Name != "main":
		return fmt.Sprintf("%q is package %s, not package main", name, p.Name), "only package main becomes a binary", false
	}
	return "", "", true
}

func withTags(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	return " with tags " + strings.Join(tags, ",")
}

// reason returns what err says without the path, which the message has already.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
