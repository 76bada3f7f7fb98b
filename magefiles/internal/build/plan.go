// Package build builds the binaries of each function, and checks that Lambda can
// start them.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// source is a main package on disk.
type source struct {
	module     string // directory of its go.mod
	pattern    string // the package relative to it, "./functions/x"
	importPath string
}

// find locates a package in its module.
func find(pkg string) (source, error) {
	dir, err := filepath.Abs(pkg)
	if err != nil {
		return source{}, err
	}
	for root := dir; ; root = filepath.Dir(root) {
		mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if errors.Is(err, os.ErrNotExist) {
			if filepath.Dir(root) == root {
				return source{}, fmt.Errorf("package %s is in no module: there is no go.mod in it or above", pkg)
			}
			continue
		}
		if err != nil {
			return source{}, fmt.Errorf("finding the module of package %s: %w", pkg, err)
		}
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return source{}, err
		}
		rel = filepath.ToSlash(rel)
		module := modfile.ModulePath(mod)
		if module == "" {
			return source{}, fmt.Errorf("%s has no module line", filepath.Join(root, "go.mod"))
		}
		return source{module: root, pattern: "./" + rel, importPath: path.Join(module, rel)}, nil
	}
}

// ImportPath returns the import path of the package in a directory.
func ImportPath(dir string) (string, error) {
	s, err := find(dir)
	return s.importPath, err
}

// exe returns the name that go build -o DIR/ gives the executable: the last
// element of the import path without a major version suffix.
func (s source) exe(p Platform) string {
	name := path.Base(s.importPath)
	if dir := path.Dir(s.importPath); isVersion(name) && dir != "." {
		name = path.Base(dir)
	}
	if p.OS == "windows" {
		name += ".exe"
	}
	return name
}

func isVersion(elem string) bool {
	digits, ok := strings.CutPrefix(elem, "v")
	if !ok || strings.HasPrefix(digits, "0") {
		return false
	}
	n, err := strconv.Atoi(digits)
	return err == nil && n > 1
}

// unit is one binary of one function.
type unit struct {
	source
	function *Function
	binary   Binary
	file     string // set by plan
}

// clashes reports whether the executables of two packages have the same name.
// Names that differ only by case are the same file on some systems.
func (u *unit) clashes(v *unit) bool {
	return u.module == v.module && u.pattern != v.pattern && strings.EqualFold(u.exe(AWS), v.exe(AWS))
}

// place gives each function a number, so that functions whose executables have
// the same name have different ones: they need different directories. A function
// keeps its number, whichever functions and binaries the next Build has.
func place(units []*unit) {
	taken := map[int][]*unit{} // by the function's place
	for _, u := range units {
		if n := u.function.place; n > 0 {
			taken[n] = append(taken[n], u)
		}
	}
	for _, u := range units {
		for n := 1; u.function.place == 0; n++ {
			if !slices.ContainsFunc(taken[n], u.clashes) {
				u.function.place = n
				taken[n] = append(taken[n], u)
			}
		}
	}
}

// command is one go build: one binary of many packages.
type command struct {
	dir      string // the module's directory
	binary   Binary
	platform Platform
	tags     []string
	out      string // directory of the executables
	packages []pkg
	again    bool // files were damaged before
}

// pkg is a package to build and its executable.
type pkg struct{ pattern, file string }

// args returns the arguments after "go".
func (c command) args() []string {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	if len(c.tags) > 0 {
		args = append(args, "-tags="+strings.Join(c.tags, ","))
	}
	args = append(args, "-o", c.out+string(filepath.Separator))
	for _, p := range c.packages {
		args = append(args, p.pattern)
	}
	return args
}

// halves splits the packages of the command between two commands.
func (c command) halves() (command, command) {
	a, b := c, c
	mid := len(c.packages) / 2
	a.packages, b.packages = c.packages[:mid], c.packages[mid:]
	return a, b
}

// plan returns the commands that build one binary of all units below the
// directory out, and sets the file of each unit. One command builds packages of
// one module with the same tags and different executable names. A package that
// several functions share is built once.
func plan(binary Binary, platform Platform, out string, units []*unit) []command {
	root := out
	out = filepath.Join(out, platform.OS+"-"+platform.Arch, string(binary.Kind))
	var commands []command
	index := map[string]int{} // of the command that writes to a directory
	for _, u := range units {
		tags := slices.Compact(slices.Sorted(slices.Values(slices.Concat(binary.Kind.tags(), u.function.Tags))))
		dir := filepath.Join(out, digest(relative(root, u.module), strings.Join(tags, ","), strconv.Itoa(u.function.place)))
		i, ok := index[dir]
		if !ok {
			i = len(commands)
			index[dir] = i
			commands = append(commands, command{dir: u.module, binary: binary, platform: platform, tags: tags, out: dir})
		}
		u.file = filepath.Join(dir, u.exe(platform))
		if p := (pkg{u.pattern, u.file}); !slices.Contains(commands[i].packages, p) {
			commands[i].packages = append(commands[i].packages, p)
		}
	}
	return commands
}

// relative returns the path of a module relative to the directory of the binaries,
// if it has one.
func relative(out, module string) string {
	if path, err := filepath.Rel(out, module); err == nil {
		return filepath.ToSlash(path)
	}
	return module
}

// digest names the output directory of a command. It is the same in every run, also
// after the repository was moved, so that go build finds the executables of the
// previous one.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}
