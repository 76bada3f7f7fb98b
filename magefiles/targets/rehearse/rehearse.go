// Package rehearse holds the mage targets that run on the local emulator of AWS
// Lambda instead of on AWS. Import it into a magefile with
//
//	//mage:import
//	_ "example.com/dualboot/magefiles/targets/rehearse"
//
// They work in the directory that they are run in, which holds lambdas.json.
package rehearse

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/rehearsal"
)

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

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
