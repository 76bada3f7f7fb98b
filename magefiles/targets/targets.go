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

	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/rollout"
)

// Build builds the binaries of each function: lambda for go1.x and bootstrap
// for provided.al2023.
func Build(
	ctx context.Context,
	only *string, // functions to build, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return command.Build(ctx, options(only, nil))
}

// Zip builds each function and writes bin/NAME/lambda.zip, with both binaries,
// and bin/NAME/bootstrap.zip.
func Zip(
	ctx context.Context,
	only *string, // functions to zip, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return command.Zip(ctx, options(only, nil))
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
	return command.Deploy(ctx, env, options(only, concurrency))
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
	return command.Audit(ctx, value(env, production), options(only, nil))
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
	return command.Init(ctx, value(env, production), options(only, nil))
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
	return pending(command.Plan(ctx, value(env, production), value(cleanup, false), value(rollback, false), o))
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
	return command.Status(ctx, value(env, production), options(only, nil))
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
	return command.Verify(ctx, value(env, production), options(only, nil))
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
	return command.Rollback(ctx, value(env, production), o)
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
	return command.Cleanup(ctx, value(env, production), o)
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
	return pending(command.Terraform(value(env, production), value(dir, ""), value(write, false), options(only, nil)))
}

const production = "prod"

func options(only *string, concurrency *int) command.Options {
	o := command.Options{
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
	if errors.Is(err, command.ErrChanges) {
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
