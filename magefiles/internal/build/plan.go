// Package build turns functions into the two binaries that the migration
// needs: lambda, which go1.x starts, and bootstrap, which provided.* starts.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Binary is one of the two binaries of a function, named as its file in the
// deployment package.
type Binary string

const (
	// Lambda is started by go1.x, which calls it over net/rpc.
	Lambda Binary = "lambda"
	// Bootstrap is started by provided.*, and calls the Runtime API.
	Bootstrap Binary = "bootstrap"
)

// tags returns the build tags of the binary itself. provided.al2023 speaks no
// net/rpc and has no time zone database, so bootstrap leaves the one out and
// brings the other along.
func (b Binary) tags() []string {
	if b == Bootstrap {
		return []string{"lambda.norpc", "timetzdata"}
	}
	return nil
}

// Platform is what a binary is built for.
type Platform struct{ OS, Arch string }

// AWS is the platform of go1.x, which has no arm64, and so of every zip that
// goes to AWS.
var AWS = Platform{OS: "linux", Arch: "amd64"}

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// source is a function's main package, found on disk.
type source struct {
	module     string // directory of its go.mod
	pattern    string // the package as the go command takes it there, "./functions/x"
	importPath string
	tags       []string // the function's own
}

// exe is the name that go build -o DIR/ gives the package's executable: the
// last element of the import path, leaving out a major version suffix.
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

// command is one go build, of one binary of many functions.
type command struct {
	dir      string // where it runs: the module's directory
	binary   Binary
	tags     []string
	out      string // the directory that takes the executables
	packages []string
	files    []string // the executable of each package, in out
}

// args are the arguments after "go".
func (c command) args() []string {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	if len(c.tags) > 0 {
		args = append(args, "-tags="+strings.Join(c.tags, ","))
	}
	args = append(args, "-o", c.out+string(filepath.Separator))
	return append(args, c.packages...)
}

// halves splits the command into two that do the same work.
func (c command) halves() (command, command) {
	a, b := c, c
	mid := len(c.packages) / 2
	a.packages, b.packages = c.packages[:mid], c.packages[mid:]
	a.files, b.files = c.files[:mid], c.files[mid:]
	return a, b
}

// plan returns the fewest commands that build the binary of all sources below
// the directory out, and the file that each source ends in. One command takes
// the sources that share a module and tags and whose executables have different
// names. A source that occurs twice is built once.
func plan(binary Binary, platform Platform, out string, sources []source) (commands []command, files []string) {
	out = filepath.Join(out, platform.OS+"-"+platform.Arch, string(binary))
	index := map[string]int{} // of the command that writes to a directory
	for _, s := range sources {
		tags := slices.Compact(slices.Sorted(slices.Values(slices.Concat(binary.tags(), s.tags))))
		for round := 0; ; round++ {
			dir := filepath.Join(out, digest(s.module, strings.Join(tags, ","), strconv.Itoa(round)))
			file := filepath.Join(dir, s.exe(platform))
			i, ok := index[dir]
			if !ok {
				i = len(commands)
				index[dir] = i
				commands = append(commands, command{dir: s.module, binary: binary, tags: tags, out: dir})
			}
			c := &commands[i]
			at := slices.Index(c.files, file)
			if at < 0 {
				c.packages, c.files = append(c.packages, s.pattern), append(c.files, file)
			} else if c.packages[at] != s.pattern {
				continue // another package of this name: next round
			}
			files = append(files, file)
			break
		}
	}
	return commands, files
}

// digest names the output directory of one command: stable from run to run, so
// that the go command finds what it linked before.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}
