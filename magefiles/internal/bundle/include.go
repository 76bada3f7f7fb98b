package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"example.com/dualboot/magefiles/internal/lambda"
)

// Include returns the files below the directory dir that match the patterns,
// sorted by name. Names are relative to dir, in patterns and in the zip. The mode
// is 0755 for a file with an executable bit and 0644 for others.
//
// In a pattern, * and ? match names that begin with a dot too, and "**" matches
// any number of directories. Syntax:
// https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#Match
//
// Every pattern must match a file. Only regular files can be included, and
// symbolic links to one in dir, whose content is. "**" does not follow symbolic
// links to directories.
func Include(dir string, patterns []string) ([]Entry, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries := map[string]Entry{}
	for _, pattern := range patterns {
		found, err := include(root, pattern)
		if err != nil {
			return nil, fmt.Errorf("include %q: %w", pattern, err)
		}
		for _, e := range found {
			entries[e.Name] = e
		}
	}
	return slices.SortedFunc(maps.Values(entries), byName), nil
}

// include returns the files in root that match one pattern.
func include(root *os.Root, pattern string) ([]Entry, error) {
	switch {
	case !doublestar.ValidatePattern(pattern):
		return nil, errors.New("the pattern is malformed: a bracket, brace or backslash has no counterpart")
	case !fs.ValidPath(pattern):
		return nil, fmt.Errorf("write the pattern relative to %s, without . and .., and without a slash at its ends", root.Name())
	}
	names, err := doublestar.Glob(root.FS(), pattern, doublestar.WithFilesOnly(), doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
	if err != nil {
		if _, cause := regular(root, pattern); cause != nil {
			err = cause
		}
		return nil, err
	}
	if len(names) == 0 {
		fix := "correct the pattern, or remove it"
		if info, err := root.Stat(pattern); err == nil && info.IsDir() {
			fix = fmt.Sprintf("write %q for the files of the directory", pattern+"/**")
		}
		return nil, fmt.Errorf("the pattern matches no file in %s; %s", root.Name(), fix)
	}
	entries := make([]Entry, len(names))
	for i, name := range names {
		info, err := regular(root, name)
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		entries[i] = Entry{Name: name, Path: filepath.Join(root.Name(), filepath.FromSlash(name)), Mode: mode}
	}
	return entries, nil
}

// regular describes a regular file in root, to which name may be a symbolic link.
// It returns an error for other files, and for names that Lambda could not unpack.
func regular(root *os.Root, name string) (fs.FileInfo, error) {
	path := filepath.Join(root.Name(), filepath.FromSlash(name))
	if !validName(name) {
		return nil, fmt.Errorf("no zip for Lambda can hold the file name %q; rename the file", name)
	}
	link := false
	if info, err := root.Lstat(name); err == nil {
		link = info.Mode()&fs.ModeSymlink != 0
	}
	info, err := root.Stat(name)
	switch {
	case err != nil && link:
		return nil, fmt.Errorf("%s is a symbolic link that does not lead to a file in %s; make it a relative link to one, or copy the file: %w", path, root.Name(), err)
	case err != nil:
		return nil, err
	case info.IsDir() && link:
		return nil, fmt.Errorf("%s is a symbolic link to a directory; include the directory instead, or copy it", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file; exclude it with a narrower pattern", path)
	}
	return info, nil
}

// Lost returns the files of a deployed zip that would disappear if the package p
// replaced it, and those that would stay and not be executable any more, both
// sorted by name. It omits the file that go1.x starts there, which may be "", and
// the files that match a pattern of drop; these are like those of [Include].
func Lost(c *lambda.Contents, p *lambda.Package, legacy string, drop []string) (lost, disabled []string) {
	for _, f := range c.Files {
		dropped := slices.ContainsFunc(drop, func(pattern string) bool {
			ok, err := doublestar.Match(pattern, strings.TrimSuffix(f.Name, "/"))
			return ok && err == nil
		})
		_, kept := slices.BinarySearch(p.Files, f.Name)
		if f.Name == p.Legacy && !f.Executable {
			kept = false // it is something else
		}
		_, program := slices.BinarySearch(p.Programs, f.Name)
		switch {
		case dropped || f.Name == legacy:
		case !kept:
			lost = append(lost, f.Name)
		case f.Executable && !program && f.Name != lambda.Bootstrap && f.Name != p.Legacy:
			disabled = append(disabled, f.Name)
		}
	}
	return lost, disabled
}
