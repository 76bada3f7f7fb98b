// Package targets holds the mage targets that work on AWS. Import it into a
// magefile with
//
//	//mage:import
//	_ "example.com/dualboot/magefiles/targets"
//
// They work in the directory in which they run, which holds lambdas.json.
package targets

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/commandline"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/report"
	"example.com/dualboot/magefiles/internal/ui"
)

// Build (local) builds both binaries of each function.
//
// They are lambda for go1.x and bootstrap for provided.al2023.
func Build(
	ctx context.Context,
	env *string, // environment whose settings count (default those of no environment)
	only *string, // functions to build, by name or pattern, comma-separated (default all)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return workspace(nil).Build(ctx, command.BuildOptions{Env: env, Only: only})
}

// Zip (local) builds the functions and writes their zips.
//
// These are bin/NAME/lambda.zip with both binaries and bin/NAME/bootstrap.zip.
func Zip(
	ctx context.Context,
	env *string, // environment whose settings count (default those of no environment)
	only *string, // functions to zip, by name or pattern, comma-separated (default all)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return workspace(nil).Zip(ctx, command.BuildOptions{Env: env, Only: only})
}

// Deploy (changes AWS) moves functions to provided.al2023.
//
// The functions of the environment serve all the time. Run it again to finish
// what is left. The environment is the first argument, as in deploy staging or
// deploy -env=staging.
func Deploy(
	ctx context.Context,
	environment string,
	env *string, // environment, if it is the first argument
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at the same time (default 1024, or 16 with -stopAfter)
	first *int, // migrate so many functions first, and the others if these are healthy
	wait *time.Duration, // with -first: how long to wait for their metrics (default 5m)
	stopAfter *int, // start no function after so many failures
	allOrNothing *bool, // change nothing unless all functions can be built and planned
	bridge *bool, // send no code to functions on go1.x, as if AWS had blocked it
	plan *string, // file of plan -out=: do what it says and nothing else
	yes *bool, // do not ask
	report *string, // also write a report to this file, as a page (.html)
	trace *string, // also write the timeline to this file, for Perfetto (.json)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	if environment, err = firstArgument(environment, env); err != nil {
		return err
	}
	return deploy(ctx, environment, only, concurrency, first, wait, stopAfter, allOrNothing, bridge, plan, yes, format, report, trace)
}

// DeployProd (changes AWS) is deploy prod.
func DeployProd(
	ctx context.Context,
	only *string, // functions to deploy, by name or pattern, comma-separated (default all)
	concurrency *int, // functions to work on at the same time (default 1024, or 16 with -stopAfter)
	first *int, // migrate so many functions first, and the others if these are healthy
	wait *time.Duration, // with -first: how long to wait for their metrics (default 5m)
	stopAfter *int, // start no function after so many failures
	allOrNothing *bool, // change nothing unless all functions can be built and planned
	bridge *bool, // send no code to functions on go1.x, as if AWS had blocked it
	plan *string, // file of plan -out=: do what it says and nothing else
	yes *bool, // do not ask
	report *string, // also write a report to this file, as a page (.html)
	trace *string, // also write the timeline to this file, for Perfetto (.json)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return deploy(ctx, production, only, concurrency, first, wait, stopAfter, allOrNothing, bridge, plan, yes, format, report, trace)
}

func deploy(ctx context.Context, env string, only *string, concurrency, first *int, wait *time.Duration, stopAfter *int, allOrNothing, bridge *bool, plan *string, yes *bool, format, report, trace *string) error {
	if err := cmp.Or(command.CheckNumber("-concurrency", concurrency), command.CheckNumber("-first", first), command.CheckNumber("-stopAfter", stopAfter)); err != nil {
		return err
	}
	return pending(recording(format, report, trace).Deploy(ctx, command.DeployOptions{
		Selection: asking(selection(&env, only), yes), Concurrency: value(concurrency, 0),
		First: value(first, 0), Wait: wait, StopAfter: value(stopAfter, 0), AllOrNothing: value(allOrNothing, false), Bridge: value(bridge, false), Plan: plan,
	}))
}

// Audit (reads AWS) lists functions on retired runtimes.
//
// It looks at the whole account and region, and also shows whether lambdas.json
// has the function, which event sources can lose records, and which versions and
// aliases a deploy does not change. It needs no lambdas.json. With -regions and
// -accounts it looks at several.
func Audit(
	ctx context.Context,
	env *string, // environment whose account and region are read (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	regions *string, // regions, comma-separated, or all that are enabled (default the environment's)
	accounts *string, // accounts, comma-separated (default the environment's)
	role *string, // name of the role to assume in the accounts
	report *string, // also write a report to this file, as a page (.html)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return reading(recording(format, report, nil).Audit(ctx, command.AuditOptions{
		Selection: selection(env, only), Places: command.Places{Regions: regions, Accounts: accounts, Role: role},
	}))
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
	deployed *bool, // also write functions that match no package, to migrate them without sources
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return workspace(nil).Init(ctx, command.InitOptions{Selection: selection(env, only), Deployed: value(deployed, false)})
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
	runtime *string, // with -rollback: the runtime to return to (default "rollbackTo" in lambdas.json, or go1.x)
	bridge *bool, // plan to send no code to functions on go1.x, as if AWS had blocked it
	out *string, // file to write the plan to, for deploy -plan=
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	err = workspace(format).Plan(ctx, command.PlanOptions{
		Selection: selection(env, only),
		Cleanup:   value(cleanup, false), Rollback: value(rollback, false), Force: value(force, false), Runtime: value(runtime, ""), Bridge: value(bridge, false), Out: out,
	})
	if out != nil { // which was not written either
		return pending(err)
	}
	return reading(err)
}

// Status (reads AWS) shows how far each function has come.
//
// It shows runtime, zip, last update, and the days until AWS plans to block
// updates.
func Status(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return reading(workspace(format).Status(ctx, command.StatusOptions{Selection: selection(env, only)}))
}

// Verify (reads AWS) compares metrics with those before.
//
// It reads errors, throttles, durations and iterator ages of each function from
// CloudWatch, and fails for functions that are not healthy. The exit status is 2 if
// some were changed too recently to judge them or are not migrated yet, and all
// others are healthy.
func Verify(
	ctx context.Context,
	env *string, // environment (default prod)
	only *string, // functions, by name or pattern, comma-separated (default all)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return reading(workspace(format).Verify(ctx, command.VerifyOptions{Selection: selection(env, only)}))
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
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	return pending(workspace(nil).Probe(ctx, command.ProbeOptions{
		Region: region, Account: account, Role: role,
		Yes: value(yes, false), Clean: value(clean, false), Quotas: value(quotas, false),
		Only: only, Settle: settle, Out: value(out, ""),
	}))
}

// Rollback (changes AWS) returns functions to the old runtime.
//
// It needs the binary for that runtime in the deployed zip. The next deploy moves
// the functions forward again. Without -only it asks, or needs -yes where it
// cannot.
func Rollback(
	ctx context.Context,
	env *string, // environment to roll back (default prod)
	only *string, // functions to roll back, by name or pattern, comma-separated (default all)
	runtime *string, // runtime to return to (default "rollbackTo" in lambdas.json, or go1.x)
	settle *time.Duration, // settle delay instead of the environment's, for a zip that has been there for longer
	concurrency *int, // functions to work on at the same time (default 1024)
	yes *bool, // do not ask
	report *string, // also write a report to this file, as a page (.html)
	trace *string, // also write the timeline to this file, for Perfetto (.json)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	if err := command.CheckNumber("-concurrency", concurrency); err != nil {
		return err
	}
	return recording(format, report, trace).Rollback(ctx, command.RollbackOptions{
		Selection: asking(selection(env, only), yes), Runtime: value(runtime, ""), Settle: settle, Concurrency: value(concurrency, 0),
	})
}

// Cleanup (changes AWS) drops lambda from the zips.
//
// Run it later, when all is well: it refuses functions that are not on
// provided.al2023, and functions that are less healthy than before. Without -only
// it asks on a terminal.
func Cleanup(
	ctx context.Context,
	env *string, // environment to clean up (default prod)
	only *string, // functions to clean up, by name or pattern, comma-separated (default all)
	force *bool, // skip the health check
	concurrency *int, // functions to work on at the same time (default 1024)
	yes *bool, // do not ask
	report *string, // also write a report to this file, as a page (.html)
	trace *string, // also write the timeline to this file, for Perfetto (.json)
	format *string, // format of the results: table, json or md (default table on a terminal, json elsewhere)
) error {
	ctx, stop, err := begin(ctx)
	defer stop()
	if err != nil {
		return err
	}
	if err := command.CheckNumber("-concurrency", concurrency); err != nil {
		return err
	}
	return recording(format, report, trace).Cleanup(ctx, command.CleanupOptions{
		Selection: asking(selection(env, only), yes), Force: value(force, false), Concurrency: value(concurrency, 0),
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
	varFile *string, // variable files, comma-separated, after those in lambdas.json
	write *bool, // change the files
) error {
	if err := checkCommandLine(); err != nil {
		return err
	}
	return pending(workspace(nil).Terraform(command.TerraformOptions{
		Selection: selection(env, only), Dir: value(dir, ""), Write: value(write, false),
		Var: value(Var, ""), VarFiles: value(varFile, ""),
	}))
}

const production = "prod"

// begin checks the command line, and returns a context that ends with a signal.
func begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx, stop := interrupt.Context(ctx)
	return ctx, stop, checkCommandLine()
}

// checkCommandLine exits like mage if it cannot run the whole command line, of
// which this target may be the first part.
func checkCommandLine() error {
	if err := commandline.Self().Check(); err != nil {
		return mg.Fatal(misused, err)
	}
	return nil
}

// firstArgument returns the environment that deploy is for. Its first argument may
// be a flag, which mage does not parse there.
func firstArgument(environment string, env *string) (string, error) {
	name, err := commandline.Self().Argument("deploy", "environment", environment, "env", env)
	if err != nil {
		return "", mg.Fatal(misused, err)
	}
	return name, nil
}

// misused is the exit status of mage for a command line that it does not
// understand.
const misused = 2

func workspace(format *string) command.Workspace { return recording(format, nil, nil) }

// recording returns a workspace whose command also writes a report and a trace.
func recording(format, page, trace *string) command.Workspace {
	return command.Workspace{
		UI: ui.Open(ui.Options{
			Plain: mg.Verbose(), Format: value(format, ""), Files: report.Files{Report: value(page, ""), Trace: value(trace, "")},
		}),
		Program: commandline.Self(), Go: mg.GoCmd(), Verbose: mg.Verbose(),
	}
}

func selection(env, only *string) command.Selection {
	return command.Selection{Env: value(env, production), Only: only}
}

// asking makes a command that changes functions ask, unless the flag -yes is set.
func asking(s command.Selection, yes *bool) command.Selection {
	s.Ask = !value(yes, false)
	return s
}

// pending exits with status 2 if there is something to do now or later. What is to
// do was printed, unless the error says it.
func pending(err error) error {
	switch {
	case err == command.ErrChanges || err == fleet.ErrNotYet:
		os.Exit(2)
	case errors.Is(err, fleet.ErrNotYet):
		return mg.Fatal(2, err)
	}
	return err
}

// reading ends a command that changes nothing. It exits without a message if nobody
// reads the results any more, as in mage audit | head. Other errors are for
// [pending].
func reading(err error) error {
	if ui.Unread(err) {
		os.Exit(1)
	}
	return pending(err)
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
