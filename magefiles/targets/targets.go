// Package targets holds the mage targets that work on AWS. Import it into a
// magefile with
//
//	//mage:import
//	_ "example.com/dualboot/magefiles/targets"
//
// They work in the directory in which they run, which holds lambdas.json.
package targets

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/ui"
)

// Build (local) builds both binaries of each function.
//
// They are lambda for go1.x and bootstrap for provided.al2023.
func Build(
	ctx context.Context,
	only *string, // functions to build, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Build(ctx, command.BuildOptions{Only: only})
}

// Zip (local) builds the functions and writes their zips.
//
// These are bin/NAME/lambda.zip with both binaries and bin/NAME/bootstrap.zip.
func Zip(
	ctx context.Context,
	only *string, // functions to zip, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Zip(ctx, command.BuildOptions{Only: only})
}

// Deploy (changes AWS) moves functions to provided.al2023.
//
// The functions of the environment serve all the time. Run it again to finish
// what is left.
func Deploy(
	ctx context.Context,
	env string,
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at the same time (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Deploy(ctx, command.DeployOptions{Selection: selection(&env, only), Concurrency: value(concurrency, 0)})
}

// DeployProd (changes AWS) is deploy prod.
func DeployProd(
	ctx context.Context,
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at the same time (default 1024)
) error {
	return Deploy(ctx, production, only, concurrency)
}

// Audit (reads AWS) lists functions on retired runtimes.
//
// It looks at the whole account and region, and also shows whether lambdas.json
// has the function, which event sources can lose records, and which versions and
// aliases a deploy does not change. It needs no lambdas.json.
func Audit(
	ctx context.Context,
	env *string, // environment whose account and region are read (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Audit(ctx, command.AuditOptions{Selection: selection(env, only)})
}

// Init (reads AWS) writes a first lambdas.json.
//
// It takes the functions of the account that your AWS configuration leads to,
// matched by name with the packages here that import aws-lambda-go, and never
// overwrites a file.
func Init(
	ctx context.Context,
	env *string, // name of the environment (default prod)
	only *string, // functions, by name on AWS or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Init(ctx, command.InitOptions{Selection: selection(env, only)})
}

// Plan (reads AWS) shows what deploy would do.
//
// It changes nothing. With -cleanup or -rollback it shows what these would do. The
// exit status is 0 if there is nothing to do, 2 if there is something to do, and 1
// if it is unknown or refused for some function.
func Plan(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	cleanup *bool, // plan a cleanup
	rollback *bool, // plan a rollback
	force *bool, // with -cleanup: skip the health check
	runtime *string, // with -rollback: the runtime to return to (default go1.x)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return pending(workspace().Plan(ctx, command.PlanOptions{
		Selection: selection(env, only),
		Cleanup:   value(cleanup, false), Rollback: value(rollback, false), Force: value(force, false), Runtime: value(runtime, ""),
	}))
}

// Status (reads AWS) shows how far each function has come.
//
// It shows runtime, zip, last update, and the days until AWS plans to block
// updates: as a table on a terminal, and as JSON lines elsewhere.
func Status(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Status(ctx, command.StatusOptions{Selection: selection(env, only)})
}

// Verify (reads AWS) compares metrics with those before.
//
// It reads errors, throttles, durations and iterator ages of each function from
// CloudWatch, and fails for functions that cleanup would refuse.
func Verify(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Verify(ctx, command.VerifyOptions{Selection: selection(env, only)})
}

// Probe (changes AWS) asks AWS about what dualboot assumes.
//
// It runs experiments with functions of its own, deletes them, and writes a page
// and the evidence. Without -yes it only says what it would create. The exit status
// is 2 without -yes, and if AWS does something else than dualboot assumes.
func Probe(
	ctx context.Context,
	region string,
	account string,
	role string,
	yes *bool, // create the functions; with -clean: delete
	clean *bool, // find what earlier runs have left instead
	only *string, // experiments, by name or pattern, comma-separated (default all)
	quotas *bool, // also measure quotas, which takes calls from everyone in the account and region
	settle *time.Duration, // assumed settle delay (default 60s)
	out *string, // directory of probe.json and probe.md (default bin/probe)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return pending(workspace().Probe(ctx, command.ProbeOptions{
		Region: region, Account: account, Role: role,
		Yes: value(yes, false), Clean: value(clean, false), Quotas: value(quotas, false),
		Only: only, Settle: settle, Out: value(out, ""),
	}))
}

// Rollback (changes AWS) returns functions to the old runtime.
//
// It needs the binary for that runtime in the deployed zip. The next deploy moves
// the functions forward again.
func Rollback(
	ctx context.Context,
	env *string, // environment to roll back (default prod)
	only *string, // functions to roll back, by name or pattern, comma-separated (default all)
	runtime *string, // runtime to return to (default go1.x; required for functions with "dual": false)
	settle *time.Duration, // settle delay instead of the environment's, for a zip that has been there for longer
	concurrency *int, // functions to work on at the same time (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Rollback(ctx, command.RollbackOptions{
		Selection: selection(env, only), Runtime: value(runtime, ""), Settle: settle, Concurrency: value(concurrency, 0),
	})
}

// Cleanup (changes AWS) drops lambda from the zips.
//
// Run it later, when all is well: it refuses functions that are not on
// provided.al2023, and functions that are less healthy than before.
func Cleanup(
	ctx context.Context,
	env *string, // environment to clean up (default prod)
	only *string, // functions to clean up, by name or pattern, comma-separated (default all)
	force *bool, // skip the health check
	concurrency *int, // functions to work on at the same time (default 1024)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return workspace().Cleanup(ctx, command.CleanupOptions{
		Selection: selection(env, only), Force: value(force, false), Concurrency: value(concurrency, 0),
	})
}

// Terraform (local) shows or writes what Terraform must say.
//
// Otherwise the next apply undoes the migration. The exit status is 2 if something
// is left to change or to look at.
func Terraform(
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	dir *string, // directory of the Terraform files (default "terraform" of the environment in lambdas.json)
	Var *string, // values of Terraform variables, as NAME=VALUE, comma-separated
	varFile *string, // variable files, comma-separated, besides those that terraform reads by itself
	write *bool, // change the files
) error {
	return pending(workspace().Terraform(command.TerraformOptions{
		Selection: selection(env, only), Dir: value(dir, ""), Write: value(write, false),
		Var: value(Var, ""), VarFiles: value(varFile, ""),
	}))
}

const production = "prod"

func workspace() command.Workspace {
	return command.Workspace{UI: ui.New(nil, nil), Go: mg.GoCmd(), Verbose: mg.Verbose()}
}

func selection(env, only *string) command.Selection {
	return command.Selection{Env: value(env, production), Only: only}
}

// pending exits with status 2 if there are changes to make, which is no error for
// mage to print.
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
