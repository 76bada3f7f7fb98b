// Move Go functions on AWS Lambda to provided.al2023 without downtime.
package main

import (
	"context"
	"os/exec"

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
// It uses the race detector if cgo is available.
func Test() error {
	if err := sh.RunV(mg.GoCmd(), "vet", "./..."); err != nil {
		return err
	}
	args, env := []string{"test", "-vet=off", "-shuffle=on"}, map[string]string{}
	if race() {
		args = append(args, "-race")
		// Save time: collect garbage less often, and do not sleep at the end.
		env = map[string]string{"GOGC": "400", "GORACE": "atexit_sleep_ms=0"}
	}
	return sh.RunWithV(env, mg.GoCmd(), append(args, "./...")...)
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
