// Move Go functions on AWS Lambda to provided.al2023 without downtime.
package main

import (
	"context"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/magefile/mage/mg"
	"github.com/magefile/mage/sh"

	"example.com/dualboot/magefiles/internal/bench"
	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/ui"
	//mage:import
	_ "example.com/dualboot/magefiles/targets"
	//mage:import
	_ "example.com/dualboot/magefiles/targets/rehearse"
)

// Test (local) vets the code and runs all tests.
//
// It uses the race detector, if cgo is available, for packages with goroutines.
func Test() error {
	// Save time: share compiled packages with other checkouts, collect garbage less
	// often, and do not sleep at the end of each test binary.
	env := map[string]string{"GOGC": "400", "GORACE": "atexit_sleep_ms=0"}
	if err := sh.RunWithV(env, mg.GoCmd(), "vet", "-trimpath", "./..."); err != nil {
		return err
	}
	all, err := packages()
	if err != nil {
		return err
	}
	// Tests wait for much of their time: run those of twice as many packages as there
	// are cores.
	args := []string{"test", "-trimpath", "-vet=off", "-shuffle=on", "-p", strconv.Itoa(2 * runtime.NumCPU())}
	detected, plain := divide(all)
	var failed error
	test := func(packages []string, flags ...string) {
		if len(packages) == 0 {
			return
		}
		if err := sh.RunWithV(env, mg.GoCmd(), slices.Concat(args, flags, packages)...); err != nil {
			failed = mg.Fatal(sh.ExitStatus(err), "go test fails") // err lists all packages
		}
	}
	if race() {
		test(detected, "-race")
	} else {
		plain = all
	}
	test(plain)
	return failed
}

// packages returns the packages of the module. Those with the most dependencies
// come first: go test starts tests in this order, and theirs take the longest.
func packages() ([]string, error) {
	out, err := sh.Output(mg.GoCmd(), "list", "-f", `{{len .Deps | printf "%06d"}} {{.ImportPath}}`, "./...")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(out, "\n")
	slices.Sort(lines)
	slices.Reverse(lines)
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, " ")
	}
	return lines, nil
}

// divide returns the packages to test with the race detector, and without.
//
// It is not used for packages whose tests run the compiled program, which it would
// not see, and for those that work in one goroutine. It slows tests down: those of
// rollout leave out cases with it, so they run without it too.
func divide(packages []string) (detected, plain []string) {
	programs := []string{"bench", "targets"}
	alone := []string{"atomicfile", "commandline", "lambda", "manifest", "match", "planfile", "sample", "terraform", "text"}
	for _, p := range packages {
		name := path.Base(p)
		without := slices.Contains(programs, name) || slices.Contains(alone, name)
		if !without {
			detected = append(detected, p)
		}
		if without || name == "rollout" {
			plain = append(plain, p)
		}
	}
	return detected, plain
}

// Program (local) builds dualboot as one program for other repositories.
//
// It has the targets for AWS and for the emulator. Its own target version prints
// the commit of this checkout.
func Program(
	file string, // where to write it
	goos *string, // operating system that it runs on (default this one)
	goarch *string, // architecture that it runs on (default this one)
) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	flags := "-s -w"
	if commit, err := exec.Command("git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").Output(); err == nil {
		flags += " -X main.commit=" + strings.TrimSpace(string(commit))
	}
	args := []string{"tool", "mage", "-d", "magefiles/dualboot", "-ldflags", flags, "-compile", file}
	if goos != nil {
		args = append(args, "-goos", *goos)
	}
	if goarch != nil {
		args = append(args, "-goarch", *goarch)
	}
	return sh.RunWithV(map[string]string{"CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}, mg.GoCmd(), args...)
}

// Bench (local) measures dualboot against the recipe.
//
// It writes a Markdown table.
func Bench(
	ctx context.Context,
	n *int, // functions of the fleet (default 50)
	runs *int, // runs of each measurement (default 3)
	only *string, // sections: build, zip, deploy, single, quotas, memory, start; comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return bench.Run(ctx, bench.Options{N: n, Runs: runs, Only: only, Go: mg.GoCmd(), Progress: ui.New(nil, nil).Notef})
}

// race reports whether the race detector is available: it needs cgo and a C
// compiler.
func race() bool {
	if enabled, err := sh.Output(mg.GoCmd(), "env", "CGO_ENABLED"); err != nil || enabled != "1" {
		return false
	}
	cc, err := sh.Output(mg.GoCmd(), "env", "CC")
	if err != nil {
		return false
	}
	_, err = exec.LookPath(cc)
	return err == nil
}
