package rollout_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// writeZips writes deployment packages. Their content depends on the text.
func writeZips(t *testing.T, text string) lambda.Zips {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "binary")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n: "+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	bootstrap := bundle.Entry{Name: "bootstrap", Path: path, Mode: 0o755}
	legacy := bundle.Entry{Name: "lambda", Path: path, Mode: 0o755}
	packages, err := bundle.NewPacker(dir).Pack(t.Context(), "f",
		bundle.Spec{File: bundle.DualZip, Legacy: "lambda", Architecture: lambda.X86_64, Entries: []bundle.Entry{bootstrap, legacy}},
		bundle.Spec{File: bundle.BootstrapZip, Architecture: lambda.X86_64, Entries: []bundle.Entry{bootstrap}})
	if err != nil {
		t.Fatal(err)
	}
	return lambda.Zips{Dual: packages[0], Bootstrap: packages[1]}
}

// newLambda returns a Lambda with functions that have the zip of another tool.
func newLambda(names ...string) *lambdatest.Lambda {
	l := lambdatest.New(names...)
	l.AddZip("old", "lambda")
	return l
}

// functions returns a fleet with a goal. The manifest asks for dual zips.
func functions(zips lambda.Zips, goal fleet.Goal, names ...string) []*fleet.Function {
	var list []*fleet.Function
	for _, name := range names {
		list = append(list, &fleet.Function{
			Target: manifest.Target{FunctionName: name, Dual: true}, Zips: zips, Goal: goal,
		})
	}
	return list
}

// deploy is the goal of most tests.
var deploy = fleet.Goal{Settle: time.Minute}

// newRollout returns a rollout that calls l, whose zips have no programs but bootstrap,
// as a command calls AWS.
func newRollout(l *lambdatest.Lambda, opts rollout.Options) *rollout.Rollout {
	opts.HTTP = l
	opts.Check = func(_ context.Context, _ lambda.State, file string) error {
		if file == lambda.Bootstrap {
			return nil
		}
		return errors.New("it has no programs")
	}
	return rollout.New(sdk.NewFromConfig(awsclient.New(l.Config(), awsclient.Access{}).Config), opts)
}

// run observes and applies, as a command does, for at most limit functions at the
// same time.
func run(ctx context.Context, l *lambdatest.Lambda, limit int, functions []*fleet.Function) error {
	r := newRollout(l, rollout.Options{})
	fleet.Each(functions, limit, func(f *fleet.Function) { observe(ctx, r, f) })
	fleet.Each(functions, limit, func(f *fleet.Function) { r.Apply(ctx, f) })
	return fleet.Errors(functions)
}

// observe reads a function, and its zip if the plan depends on that.
func observe(ctx context.Context, r *rollout.Rollout, f *fleet.Function) {
	if r.Observe(ctx, f); f.Err == nil && rollout.NeedsContents(f) {
		r.Inspect(ctx, f)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestInterrupt(t *testing.T) {
	zips := writeZips(t, "new")
	t.Run("while it settles", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLambda("a", "b")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			list := functions(zips, deploy, "a", "b")
			err := run(ctx, l, 1, list)
			for i, want := range []string{
				`settling "a": interrupted; left to do: settle for 1m0s, switch to provided.al2023, handler bootstrap`,
				`updating the code of "b": interrupted; left to do: update the code (bootstrap + lambda, 0.0 MB), settle for 1m0s, switch to provided.al2023, handler bootstrap`,
			} {
				if message(list[i].Err) != want {
					t.Errorf("error\n%v\nwant\n%s", list[i].Err, want)
				}
			}
			if !errors.Is(err, fleet.ErrInterrupted) {
				t.Error("the error is not a fleet.ErrInterrupted")
			}
			if len(l.Calls()) != 6 {
				t.Errorf("calls %v, want two reads and zips, an update and the read after it", l.Log())
			}
		})
	})
	t.Run("a call in flight finishes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLambda("a")
			l.Upload = 3 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			list := functions(zips, deploy, "a")
			_ = run(ctx, l, 1, list)
			if f := list[0]; len(f.Done) != 1 || !errors.Is(f.Err, fleet.ErrInterrupted) || *l.Function("a").CodeSha256 != zips.Dual.CodeSha256 {
				t.Errorf("done %v, error %v; want the update done and the rest interrupted", f.Done, f.Err)
			}
		})
	})
	t.Run("a call in flight is given up after the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newLambda("a")
			l.Upload = time.Minute
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			list := functions(zips, deploy, "a")
			_ = run(ctx, l, 1, list)
			if took := time.Since(start); !errors.Is(list[0].Err, context.Canceled) || took != 5*time.Second {
				t.Errorf("error %v after %v, want it canceled 4 s after the interrupt", list[0].Err, took)
			}
		})
	})
}

func TestFleet(t *testing.T) {
	zips := writeZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		l := newLambda("a", "c", "d", "e", "f")
		l.FailUpdate("d")
		l.Create("e", func(f *types.FunctionConfiguration) { f.PackageType = types.PackageTypeImage })
		all := functions(zips, deploy, "a", "b", "c", "d", "e", "f")
		all[5].Fail(fleet.Building, "building", errors.New("go build of bootstrap:\n# example.com/f\nf/main.go:3:1: syntax error"))

		start := time.Now()
		err := run(t.Context(), l, 1024, all)
		// All functions settle at the same time, not one after another.
		if took := time.Since(start); took > 63*time.Second {
			t.Errorf("the fleet took %v, want the time of one function", took)
		}
		want := `4 of 6 functions failed:
  - reading "b": ResourceNotFoundException: Function not found: b; create the function, or correct its name in lambdas.json
  - waiting for the update of "d": InternalError: try later
  - refusing to deploy "e": its package type is Image; dualboot deploys zips: remove it from lambdas.json
  - building "f": go build of bootstrap:
    # example.com/f
    f/main.go:3:1: syntax error`
		if message(err) != want {
			t.Errorf("error\n%v\nwant\n%s", err, want)
		}
		multi, ok := errors.AsType[*multierror.Error](err)
		if !ok || len(multi.Errors) != 4 {
			t.Errorf("error is a %T, want a *multierror.Error of 4", err)
		}
		for _, name := range []string{"a", "c"} {
			if got := l.Function(name).Runtime; got != types.RuntimeProvidedal2023 {
				t.Errorf("%s is on %s", name, got)
			}
		}
		for _, call := range l.Log() {
			if strings.HasSuffix(call, " code f") || strings.HasSuffix(call, " config f") {
				t.Errorf("a function that does not build was updated: %s", call)
			}
		}
	})
}

func TestConcurrency(t *testing.T) {
	zips := writeZips(t, "new")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := run(t.Context(), newLambda("a", "b", "c", "d"), 2, functions(zips, deploy, "a", "b", "c", "d")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*62*time.Second {
			t.Errorf("4 functions, 2 at the same time, took %v, want %v", took, 2*62*time.Second)
		}
	})
}
