// Package build builds the two binaries of each function: lambda, which go1.x
// starts, and bootstrap, which the provided runtimes start.
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

	"example.com/dualboot/magefiles/internal/lambda"
)

// Binary is one of the two binaries of a function. Its value is the name of the
// file in the deployment package.
type Binary string

const (
	// Lambda is started by go1.x, which invokes it over net/rpc.
	Lambda Binary = lambda.LegacyBinary
	// Bootstrap is started by the provided runtimes and calls the Runtime API.
	Bootstrap Binary = lambda.Bootstrap
)

// tags returns the build tags of the binary. provided.al2023 does not use
// net/rpc and has no time zone database, so bootstrap omits the one and embeds
// the other.
func (b Binary) tags() []string {
	if b == Bootstrap {
		return []string{lambda.NoRPC, "timetzdata"}
	}
	return nil
}

// Platform is an operating system and architecture, in Go's terms.
type Platform struct{ OS, Arch string }

// AWS is the platform of all deployment packages. go1.x does not support arm64.
var AWS = Platform{OS: "linux", Arch: "amd64"}

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// source is a main package on disk.
type source struct {
	module     string // directory of its go.mod
	pattern    string // the package relative to it, "./functions/x"
	importPath string
}

// find locates the function's package in its module.
func find(f *Function) (source, error) {
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
			return source{}, fmt.Errorf("%s has no module line", filepath.Join(root, "go.mod"))
		}
		return source{module: root, pattern: "./" + rel, importPath: path.Join(module, rel)}, nil
	}
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
	file     string // set by plan
}

// command is one go build: one binary of many packages.
type command struct {
	dir      string // the module's directory
	binary   Binary
	tags     []string
	out      string // directory of the executables
	packages []pkg
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

// plan returns the fewest commands that build the binary of all units below the
// directory out, and sets the file of each unit. One command builds packages of
// one module with the same tags and different executable names. A package that
// several functions share is built once.
func plan(binary Binary, platform Platform, out string, units []*unit) []command {
	out = filepath.Join(out, platform.OS+"-"+platform.Arch, string(binary))
	var commands []command
	index := map[string]int{} // of the command that writes to a directory
	for _, u := range units {
		tags := slices.Compact(slices.Sorted(slices.Values(slices.Concat(binary.tags(), u.function.Tags))))
		for round := 0; u.file == ""; round++ {
			dir := filepath.Join(out, digest(u.module, strings.Join(tags, ","), strconv.Itoa(round)))
			i, ok := index[dir]
			if !ok {
				i = len(commands)
				index[dir] = i
				commands = append(commands, command{dir: u.module, binary: binary, tags: tags, out: dir})
			}
			u.file = commands[i].add(u.pattern, filepath.Join(dir, u.exe(platform)))
		}
	}
	return commands
}

// add adds a package to the command and returns its executable, or "" if another
// package has an executable of that name. Names that differ only by case are the
// same file on some systems.
func (c *command) add(pattern, file string) string {
	i := slices.IndexFunc(c.packages, func(p pkg) bool { return strings.EqualFold(p.file, file) })
	switch {
	case i < 0:
		c.packages = append(c.packages, pkg{pattern, file})
		return file
	case c.packages[i].pattern == pattern:
		return file
	}
	return ""
}

// digest names the output directory of a command. It is the same in every run,
// so that go build finds the executables of the previous one.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}
