package command

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// binaries are what a function's zips are made of, the legacy one left out
// where it is never needed.
func binaries(legacy bool) []build.Binary {
	if legacy {
		return []build.Binary{build.Lambda, build.Bootstrap}
	}
	return []build.Binary{build.Bootstrap}
}

// wanted is one function to build.
type wanted struct {
	manifest.Function
	name   string // in errors and results
	legacy bool   // with the legacy binary
}

// built is what became of it.
type built struct {
	name   string
	files  map[build.Binary]string
	bundle bundle.Bundle
	err    error
}

// compile builds the binaries of the functions. The error is one that concerns
// them all.
func (o Options) compile(ctx context.Context, functions []wanted) ([]built, error) {
	list := make([]build.Function, len(functions))
	for i, f := range functions {
		list[i] = build.Function{Name: f.Name, Package: filepath.FromSlash(f.Package), Tags: f.Tags, Binaries: binaries(f.legacy)}
	}
	results, err := build.Build(ctx, build.Options{
		Go: o.Go, Platform: o.Platform, Out: filepath.Join("bin", ".build"), Verbose: o.Verbose,
	}, list)
	if err != nil {
		return nil, err
	}
	out := make([]built, len(functions))
	for i, r := range results {
		out[i] = built{name: functions[i].name, files: r.Files}
		if r.Err != nil {
			out[i].err = &rollout.FunctionError{Function: functions[i].name, Doing: "building", Err: r.Err}
		}
	}
	return out, nil
}

// packing is how many bytes of binaries are compressed at once, on whatever
// number of cores. What they shrink to is kept in memory until it is written.
const packing = 96 << 20

// pack builds the functions and writes their zips.
func (o Options) pack(ctx context.Context, functions []wanted) ([]built, error) {
	out, err := o.compile(ctx, functions)
	if err != nil {
		return nil, err
	}
	room := semaphore.NewWeighted(packing)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		if out[i].err != nil {
			continue
		}
		group.Go(func() error {
			dir, files := filepath.Join(cmp.Or(o.Zips, "bin"), functions[i].Name), out[i].files
			weight := min(sizes(files), packing)
			if err := room.Acquire(ctx, weight); err != nil {
				return err
			}
			defer room.Release(weight)
			var err error
			if out[i].bundle, err = bundle.Write(dir, files[build.Lambda], files[build.Bootstrap]); err != nil {
				out[i].err = &rollout.FunctionError{Function: functions[i].name, Doing: "zipping", Err: err}
			}
			return nil
		})
	}
	return out, group.Wait()
}

// sizes returns the bytes of the files that are there.
func sizes(files map[build.Binary]string) (sum int64) {
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
