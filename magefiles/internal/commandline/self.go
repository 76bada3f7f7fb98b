package commandline

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/magefile/mage/mg"
)

// Program is the program of this process, if mage has compiled it. Hints name
// commands as its user types them. A nil Program is any other program, whose hints
// are those of a magefile that imports the targets without a namespace.
type Program struct {
	path    string                   // of the executable
	name    string                   // what the user types before the target
	names   func() ([]string, error) // of the targets
	aliases map[string]*Target       // by name in lower case; nil before they were read
}

// Self returns the program of this process. It is nil if mage has not compiled it.
func Self() *Program {
	if _, ok := os.LookupEnv("MAGEFILE_VERBOSE"); !ok { // the generated main package sets it
		return nil
	}
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	p := &Program{path: path, name: typed(os.Args[0], mg.CacheDir())}
	p.names = sync.OnceValues(func() ([]string, error) {
		out, err := p.run("-l")
		return parseList(out), err
	})
	return p
}

// Command returns the command line of a target of dualboot, such as
//
//	go tool mage lambda:plan -out=plan.json
//
// in a magefile that imports the targets under the namespace lambda.
func (p *Program) Command(target string, words ...string) string {
	program := "mage"
	if p != nil {
		program = p.name
		names, _ := p.names() // without them, the name without a namespace is the best guess
		target = spelled(target, names)
	}
	return strings.Join(append([]string{program, target}, words...), " ")
}

// typed returns what starts the program with the argument 0 in the current
// directory, as short as possible. A program in the cache of mage was started by
// mage, which does not say whether its user typed mage or go tool mage. The first
// is right if there is a mage on PATH.
func typed(arg0, cache string) string {
	if filepath.Dir(arg0) == filepath.Clean(cache) {
		if _, err := exec.LookPath("mage"); err != nil {
			return "go tool mage"
		}
		return "mage"
	}
	name := filepath.Base(arg0)
	if runtime.GOOS == "windows" {
		name = strings.TrimSuffix(name, ".exe")
	}
	if found, err := exec.LookPath(name); err == nil && same(found, arg0) {
		return name
	}
	dir, err := os.Getwd()
	if err != nil || !filepath.IsAbs(arg0) {
		return arg0
	}
	if rel, err := filepath.Rel(dir, arg0); err == nil && filepath.IsLocal(rel) && filepath.Dir(rel) != "." {
		return rel
	}
	return arg0
}

// same reports whether two paths lead to the same file. A shell may pass the name
// of a program on PATH without its directory.
func same(found, arg0 string) bool {
	if filepath.Base(arg0) == arg0 {
		return true
	}
	a, errA := os.Stat(found)
	b, errB := os.Stat(arg0)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// ours are the targets of dualboot that other magefiles import.
var ours = []string{
	"audit", "build", "cleanup", "controls", "deploy", "deployprod", "emulator", "init", "local", "plan",
	"probe", "rollback", "status", "terraform", "verify", "zip",
}

// spelled returns the name of a target of dualboot among the targets of a program,
// which may have a namespace. If several have the name, it is the one in the
// namespace that has most of dualboot's targets.
func spelled(target string, names []string) string {
	count := map[string]int{} // targets of dualboot by namespace
	for _, name := range names {
		if space, base := split(name); slices.Contains(ours, strings.ToLower(base)) {
			count[space]++
		}
	}
	best := ""
	for _, name := range names {
		space, base := split(name)
		if before, _ := split(best); strings.EqualFold(base, target) && (best == "" || count[space] > count[before]) {
			best = name
		}
	}
	if best == "" {
		return target
	}
	return best
}

// split returns the namespace of a target, which may be empty, and its name there.
func split(name string) (space, base string) {
	i := strings.LastIndex(name, ":") + 1
	return name[:i], name[i:]
}
