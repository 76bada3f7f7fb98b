package targets_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// repository is the root of this repository.
const repository = "../.."

// The documents that tests compare with the program.
const (
	walkThroughFile = "../docs/walkthrough.md"
	referenceFile   = "../docs/reference.md"
)

var update = flag.Bool("update", false, "write what the program prints into the scripts and into the walk-through")

// samples are the functions of this repository.
var samples = []string{"example-api", "order-stream", "inventory-table", "nightly-report"}

// canRun reports whether this machine starts what is built for AWS.
var canRun = runtime.GOOS == build.AWS.OS && runtime.GOARCH == build.AWS.Arch

// scratch is a directory for what tests share.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	// The output of the program depends on these.
	for _, name := range []string{"CI", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "MAGEFILE_VERBOSE", "NO_COLOR"} {
		os.Unsetenv(name)
	}
	// Most of the tests wait most of the time: for updates, and for settle delays.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "dualboot-test-"); err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", scratch) // also for what killed programs leave behind
	packages = zips.NewStore(scratch, lambda.MaxUnzipped)
	code := m.Run()
	_ = zips.RemoveTree(scratch)
	os.Exit(code)
}

// magefile returns the program that mage -compile makes of this repository.
//
// It compiles a copy, because mage writes into the checkout. The copy is made
// within a test, not in TestMain: go test records only the files that tests open,
// and takes a result from its cache until one of them changes.
var magefile = sync.OnceValues(func() (string, error) {
	checkout, program := filepath.Join(scratch, "checkout"), filepath.Join(scratch, "program", "mage")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := clone(checkout, "go.mod", "go.sum", "magefiles"); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "tool", "mage", "-compile", program)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), goFlags("-ldflags=-w"), noCgo) // debugging information takes half of the time to link
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mage -compile: %w\n%s", err, out)
	}
	return program, nil
})

// noCgo makes programs share compiled packages with the one that mage program
// builds, which does not use cgo.
const noCgo = "CGO_ENABLED=0"

// goFlags returns the flags of the go command for a magefile, and more. If GOCOVERDIR is
// set, programs write their coverage there.
func goFlags(more ...string) string {
	flags := strings.Join(append([]string{"GOFLAGS=-trimpath"}, more...), " ")
	if os.Getenv("GOCOVERDIR") != "" {
		// Only a covered main package writes the coverage at its end. Mage builds it
		// from a list of files, which has no import path of its own.
		flags += " -cover -coverpkg=example.com/dualboot/magefiles/...,command-line-arguments"
	}
	return flags
}

// cloneSamples copies the module with the samples, and what an earlier run has built
// of them.
func cloneSamples(dir string) error {
	built, err := builtSamples()
	if err != nil {
		return err
	}
	if err := clone(dir, "go.mod", "go.sum", "functions"); err != nil {
		return err
	}
	return linkTree(filepath.Join(dir, "bin"), built)
}

// builtSamples returns the directory bin of the samples after mage zip.
var builtSamples = sync.OnceValues(func() (string, error) {
	program, err := magefile()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, "samples")
	if err := clone(dir, "go.mod", "go.sum", "functions", "lambdas.json"); err != nil {
		return "", err
	}
	cmd := exec.Command(program, "zip")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mage zip: %w\n%s", err, out)
	}
	return filepath.Join(dir, "bin"), nil
})

// linkTree fills a directory with links to the files of another one. Nothing
// changes such files: programs replace them.
func linkTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(name, 0o755)
		}
		return os.Link(path, name)
	})
}

// clone copies parts of the repository into a directory.
func clone(dir string, parts ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, part := range parts {
		from, to := filepath.Join(repository, part), filepath.Join(dir, part)
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
