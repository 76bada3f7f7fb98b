// Package targets holds the mage targets. Import it into a magefile with
//
//	//mage:import
//	_ "example.com/dualboot/magefiles/targets"
//
// They work in the directory that they are run in, which holds lambdas.json.
package targets

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"example.com/dualboot/magefiles/interrupt"
	"example.com/dualboot/magefiles/rehearsal"
	"example.com/dualboot/magefiles/release"
	"example.com/dualboot/magefiles/rollout"
)

// Build builds the binaries of each function: lambda for go1.x and bootstrap
// for provided.al2023.
func Build(
	ctx context.Context,
	only *string, // functions to build, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Build(ctx, options(only, nil))
}

// Zip builds each function and writes bin/NAME/lambda.zip, with both binaries,
// and bin/NAME/bootstrap.zip.
func Zip(
	ctx context.Context,
	only *string, // functions to zip, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Zip(ctx, options(only, nil))
}

// Deploy deploys the functions of an environment and moves them to
// provided.al2023 without a pause. Run it again to finish what is left.
func Deploy(
	ctx context.Context,
	env string,
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at once (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Deploy(ctx, env, options(only, concurrency))
}

// DeployProd deploys to prod: the same as deploy prod.
func DeployProd(
	ctx context.Context,
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at once (default 1024)
) error {
	return Deploy(ctx, production, only, concurrency)
}

// Audit lists the functions of the account and region whose runtime AWS has
// deprecated or is soon to block. It tells whether lambdas.json has them, what
// their event sources may lose, and which versions and aliases a deploy leaves
// behind. It needs no lambdas.json.
func Audit(
	ctx context.Context,
	env *string, // environment whose account and region are looked at (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Audit(ctx, value(env, production), options(only, nil))
}

// Init writes a first lambdas.json. It takes the functions of the account that your
// AWS configuration leads to, matched by name with the packages here that import
// aws-lambda-go, and never overwrites a file.
func Init(
	ctx context.Context,
	env *string, // name of the environment (default prod)
	only *string, // functions, by name on AWS or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Init(ctx, value(env, production), options(only, nil))
}

// Plan shows what deploy would do to each function of an environment, or with
// -cleanup or -rollback what these would do, and changes nothing. Its exit status
// is 0 if there is nothing to do, 2 if there is something, and 1 if that cannot be
// told or is refused for some function.
func Plan(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	cleanup *bool, // plan a cleanup
	rollback *bool, // plan a rollback
	force *bool, // with -cleanup: whatever the metrics say
	runtime *string, // with -rollback: the runtime to return to (default go1.x)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	o := options(only, nil)
	o.Force, o.Previous = value(force, false), value(runtime, "")
	return pending(release.Plan(ctx, value(env, production), value(cleanup, false), value(rollback, false), o))
}

// Status shows how far each function of an environment has come: runtime, zip,
// last update, and the days until AWS means to take no more updates. It writes a
// table on a terminal, and elsewhere JSON lines.
func Status(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Status(ctx, value(env, production), options(only, nil))
}

// Verify compares errors, throttles, durations and iterator ages of each function
// since its last change with the same span before, by CloudWatch. It fails where
// cleanup would refuse the function for them.
func Verify(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return release.Verify(ctx, value(env, production), options(only, nil))
}

// Rollback returns functions to the runtime that they come from, while their zips
// still hold the binary for it. The next deploy goes forward again.
func Rollback(
	ctx context.Context,
	env *string, // environment to roll back (default prod)
	only *string, // functions to roll back, by name or pattern, comma-separated (default all)
	runtime *string, // runtime to return to (default go1.x; required for functions with "dual": false)
	settle *time.Duration, // settle delay instead of the environment's, for a zip that has been there for longer
	concurrency *int, // functions to work on at once (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	o := options(only, concurrency)
	o.Previous, o.Settle = value(runtime, ""), settle
	return release.Rollback(ctx, value(env, production), o)
}

// Cleanup drops lambda from the zips of functions that have left go1.x, later,
// when all is well.
func Cleanup(
	ctx context.Context,
	env *string, // environment to clean up (default prod)
	only *string, // functions to clean up, by name or pattern, comma-separated (default all)
	force *bool, // whatever the metrics say
	concurrency *int, // functions to work on at once (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	o := options(only, concurrency)
	o.Force = value(force, false)
	return release.Cleanup(ctx, value(env, production), o)
}

// Terraform shows what the resources of an environment's functions must become, so
// that the next apply does not undo the migration. With -write it changes them.
// Its exit status is 2 if something is left to change or to look at.
func Terraform(
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	dir *string, // directory of the Terraform files (default "terraform" of the environment in lambdas.json)
	write *bool, // change the files
) error {
	return pending(release.Terraform(value(env, production), value(dir, ""), value(write, false), options(only, nil)))
}

// Local rehearses the migration on an emulator of AWS Lambda, with real
// binaries and under traffic: deploy, then cleanup. It fails if one event is
// lost.
func Local(
	ctx context.Context,
	env *string, // environment whose functions are rehearsed (default prod)
	only *string, // functions to rehearse, by name or pattern, comma-separated (default all)
	copies *int, // how many of each function there are (default 1)
	rate *float64, // calls or records a second to each function, 0 for none (default 10)
	duration *time.Duration, // how long they are sent at least (default until the end of the cleanup)
	update *time.Duration, // how long an update takes on the emulator (default 1s)
	window *time.Duration, // how long what was before may serve after an update (default 2s)
	settle *time.Duration, // settle delay instead of the environment's (default the window)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return rehearsal.Run(ctx, rehearsal.Options{
		Env:      value(env, production),
		Only:     only,
		Copies:   value(copies, 1),
		Rate:     value(rate, 10),
		Duration: value(duration, 0),
		Update:   value(update, time.Second),
		Window:   value(window, 2*time.Second),
		Settle:   value(settle, value(window, 2*time.Second)),
		Go:       mg.GoCmd(),
	})
}

// Controls migrates the functions in the way of deploy, and in the ways that
// lose events, under the same traffic on the emulator, and writes a Markdown
// table of what each came to.
func Controls(
	ctx context.Context,
	env *string, // environment whose functions are migrated (default prod)
	only *string, // functions to migrate, by name or pattern, comma-separated (default all)
	rate *float64, // calls or records a second to each function (default 20)
	update *time.Duration, // how long an update takes on the emulator (default 1s)
	window *time.Duration, // how long what was before may serve after an update, and settle delay (default 2s)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return rehearsal.Controls(ctx, rehearsal.Options{
		Env:    value(env, production),
		Only:   only,
		Rate:   value(rate, 20),
		Update: value(update, time.Second),
		Window: value(window, 2*time.Second),
		Settle: value(window, 2*time.Second),
		Go:     mg.GoCmd(),
	})
}

// Emulator runs the emulator of AWS Lambda until Ctrl-C, and prints the export
// lines that lead other tools to it.
func Emulator(
	ctx context.Context,
	env *string, // environment whose region and account it plays (default prod)
	addr *string, // loopback address to listen on (default 127.0.0.1 and a random port)
	update *time.Duration, // how long an update takes (default 1s)
	blocked *string, // runtimes for which AWS takes no more updates, comma-separated (default none)
	quotas *bool, // whether it takes no more calls a second than AWS does (default false)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return rehearsal.Serve(ctx, rehearsal.ServeOptions{
		Env:     value(env, production),
		Addr:    value(addr, ""),
		Go:      mg.GoCmd(),
		Update:  value(update, time.Second),
		Blocked: value(blocked, ""),
		Quotas:  value(quotas, false),
	})
}

const production = "prod"

func options(only *string, concurrency *int) release.Options {
	o := release.Options{
		Only:    only,
		Go:      mg.GoCmd(),
		Rollout: rollout.Options{Concurrency: value(concurrency, 0)},
	}
	if mg.Verbose() {
		o.Verbose = os.Stderr
	}
	return o
}

// pending ends the program with status 2 where there are changes to make, which
// is no error for mage to report.
func pending(err error) error {
	if errors.Is(err, release.ErrChanges) {
		os.Exit(2)
	}
	return err
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
