package command

import (
	"cmp"
	"context"
	"path/filepath"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/text"
)

// BuildOptions are the options of Build and Zip.
type BuildOptions struct {
	Env  *string // environment whose settings count; default those of none
	Only *string // functions: see [manifest.Pattern]
}

// Build builds the binaries of each function and writes a JSON line with their
// paths for each.
func (w Workspace) Build(ctx context.Context, o BuildOptions) (err error) {
	w, end := w.begin(ctx, "build", "")
	defer end(&err)
	return w.produce(ctx, o, func(*fleet.Function) {}, func(f *fleet.Function) any {
		return struct {
			Name     string
			Binaries map[build.Binary]string
		}{f.Function.Name, f.Build.Files}
	})
}

// Zip builds the functions, writes the zips of each, and a JSON line that
// describes them.
func (w Workspace) Zip(ctx context.Context, o BuildOptions) (err error) {
	w, end := w.begin(ctx, "zip", "")
	defer end(&err)
	packer := bundle.NewPacker(w.zips())
	return w.produce(ctx, o, func(f *fleet.Function) {
		if err := Pack(ctx, packer, f); err != nil {
			fail(ctx, f, fleet.Bundling, "zipping", err)
		}
	}, func(f *fleet.Function) any {
		packages := []*lambda.Package{f.Zips.Bootstrap}
		if f.Zips.Dual != nil {
			packages = append(packages, f.Zips.Dual)
		}
		return struct {
			Name     string
			Packages []*lambda.Package
		}{f.Function.Name, packages}
	})
}

// BuildOf returns the build of a function's packages, as far as the manifest tells
// what they are.
func BuildOf(f *fleet.Function) build.Function { return buildOf(f, manifestShapes(f)) }

// Pack writes the packages of a function, which is built, as far as the manifest
// tells what they are.
func Pack(ctx context.Context, packer *bundle.Packer, f *fleet.Function) error {
	return pack(ctx, packer, f, manifestShapes(f))
}

// manifestShapes returns the shapes of the packages of a function as far as the
// manifest tells.
func manifestShapes(f *fleet.Function) (list []fleet.Shape) {
	if f.Dual {
		list = append(list, fleet.Shape{Legacy: f.Function.LegacyName(), Architecture: lambda.X86_64})
	}
	return append(list, fleet.Shape{Architecture: cmp.Or(f.Architecture, lambda.X86_64)})
}

// produce builds the selected functions, calls then for each that was built, and
// writes the descriptions of those that succeed.
func (w Workspace) produce(ctx context.Context, o BuildOptions, then func(*fleet.Function), describe func(*fleet.Function) any) error {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return err
	}
	m, err := w.load()
	if err != nil {
		return err
	}
	targets, err := m.Match(only)
	if o.Env != nil {
		targets, err = m.Select(*o.Env, only)
	}
	if err != nil {
		return err
	}
	targets, without := manifest.WithSources(targets)
	var functions []*fleet.Function
	for _, t := range targets {
		f := &fleet.Function{Target: t}
		f.Build = BuildOf(f)
		functions = append(functions, f)
	}
	if len(without) > 0 {
		w.UI.Notef("nothing to build for %s: the zip is made from the deployed one, by plan, deploy and cleanup", text.List(without, 20))
	}
	if len(functions) == 0 {
		return nil
	}
	w.UI.Notef("building %s", text.Count(len(functions), "function"))
	if err := w.build(ctx, functions); err != nil {
		return cmp.Or(onDisk(err), err)
	}
	working := w.UI.Stage("checking and compressing", "function", len(functions))
	fleet.Each(functions, len(functions), func(f *fleet.Function) {
		defer working.Done()
		if f.Build.Err != nil {
			fail(ctx, f, fleet.Building, "building", f.Build.Err)
			return
		}
		then(f)
	})
	for _, f := range functions {
		if f.Err != nil {
			continue
		}
		if err := w.UI.JSON(describe(f)); err != nil {
			return err
		}
	}
	return fleet.Errors(functions)
}

// build builds the binaries that the functions need. Functions without sources need
// none.
func (w Workspace) build(ctx context.Context, functions []*fleet.Function) error {
	var list []*build.Function
	for _, f := range functions {
		if !f.Function.Deployed() {
			list = append(list, &f.Build)
		}
	}
	if len(list) == 0 {
		return nil
	}
	building := w.UI.Stage("building", "binary", 0)
	defer building.End()
	o := build.Options{Go: w.Go, Host: w.Host, Out: filepath.Join("bin", ".build"), Progress: building.Set}
	if w.Verbose {
		o.Command = func(line string) { w.UI.Notef("%s", line) }
	}
	return build.Build(ctx, o, list)
}

// fail records that a function failed, or that the command was interrupted.
func fail(ctx context.Context, f *fleet.Function, stage fleet.Stage, doing string, err error) {
	if ctx.Err() != nil {
		err = fleet.ErrInterrupted
	} else if disk := onDisk(err); disk != nil {
		doing, err = "writing the files of", disk
	}
	f.Fail(stage, doing, err)
}
