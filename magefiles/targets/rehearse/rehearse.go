// Package rehearse holds the mage targets that work on the local emulator of AWS
// Lambda. Import it into a magefile with
//
//	//mage:import
//	_ "example.com/dualboot/magefiles/targets/rehearse"
//
// They work in the directory in which they run, which holds lambdas.json.
package rehearse

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"example.com/dualboot/magefiles/internal/commandline"
	"example.com/dualboot/magefiles/internal/interrupt"
	"example.com/dualboot/magefiles/internal/rehearsal"
	"example.com/dualboot/magefiles/internal/report"
	"example.com/dualboot/magefiles/internal/ui"
)

// Local (local) rehearses the migration on the emulator.
//
// It deploys and cleans up with real binaries, and fails if one event is lost or a
// function answers worse than before. The last line of its results is the verdict.
func Local(
	ctx context.Context,
	env *string, // environment whose functions are rehearsed (default prod)
	only *string, // functions to rehearse, by name or pattern, comma-separated (default all)
	copies *int, // how many of each function there are (default 1)
	rate *float64, // calls or records a second to each function, 0 for none (default 10)
	duration *time.Duration, // how long events are sent at least (default until the end of the cleanup)
	update *time.Duration, // how long an update takes on the emulator (default 1s)
	window *time.Duration, // how long the previous version may serve after an update (default 2s)
	settle *time.Duration, // settle delay instead of the environment's (default the window)
	report *string, // also write a report to this file, as a page (.html)
	trace *string, // also write the timeline to this file, for Perfetto (.json)
	blocked *string, // runtimes that AWS has blocked for updates, comma-separated (default none)
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
		Blocked:  value(blocked, ""),
		Program:  commandline.Self(),
		Go:       mg.GoCmd(),
		UI:       recording(report, trace),
	})
}

// Controls (local) compares deploy with ways that lose events.
//
// It migrates the functions in each way under the same traffic on the emulator,
// and writes a Markdown table of the outcomes.
func Controls(
	ctx context.Context,
	env *string, // environment whose functions are migrated (default prod)
	only *string, // functions to migrate, by name or pattern, comma-separated (default all)
	rate *float64, // calls or records a second to each function (default 20)
	update *time.Duration, // how long an update takes on the emulator (default 1s)
	window *time.Duration, // how long the previous version may serve after an update, and the settle delay (default 2s)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return rehearsal.Controls(ctx, rehearsal.Options{
		Env:     value(env, production),
		Only:    only,
		Rate:    value(rate, 20),
		Update:  value(update, time.Second),
		Window:  value(window, 2*time.Second),
		Settle:  value(window, 2*time.Second),
		Program: commandline.Self(),
		Go:      mg.GoCmd(),
		UI:      ui.Open(ui.Options{Plain: mg.Verbose()}),
	})
}

// Emulator (local) runs the emulator of AWS Lambda until Ctrl-C.
//
// It writes the export lines that lead other tools to it.
func Emulator(
	ctx context.Context,
	env *string, // environment whose region and account the emulator has (default prod)
	addr *string, // loopback address to listen on (default 127.0.0.1 and a random port)
	update *time.Duration, // how long an update takes (default 1s)
	window *time.Duration, // how long the previous version may serve after an update (default 0s, not at all)
	blocked *string, // runtimes that AWS has blocked for updates, comma-separated (default none)
	quotas *bool, // throttle calls as AWS does (default false)
) error {
	ctx, stop := interrupt.Context(ctx)
	defer stop()
	return rehearsal.Serve(ctx, rehearsal.ServeOptions{
		Env:     value(env, production),
		Addr:    value(addr, ""),
		Program: commandline.Self(),
		Go:      mg.GoCmd(),
		Update:  value(update, time.Second),
		Window:  value(window, 0),
		Blocked: value(blocked, ""),
		Quotas:  value(quotas, false),
	})
}

const production = "prod"

// recording returns a UI that also writes a report and a trace.
func recording(page, trace *string) *ui.UI {
	return ui.Open(ui.Options{Plain: mg.Verbose(), Files: report.Files{Report: value(page, ""), Trace: value(trace, "")}})
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
