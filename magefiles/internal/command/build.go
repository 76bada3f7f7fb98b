package command

import (
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
	Only *string // functions: see [manifest.Pattern]
}

// Build builds the binaries of each function and writes a JSON line with their
// paths for each.
func (w Workspace) Build(ctx context.Context, o BuildOptions) error {
	return w.produce(ctx, o, func(f *fleet.Function) {
		if f.Build.Err != nil {
			f.Fail(fleet.Building, "building", f.Build.Err)
		}
	}, func(f *fleet.Function) any {
		return struct {
			Name     string
			Binaries map[build.Binary]string
		}{f.Function.Name, f.Build.Files}
	})
}

// Zip builds the functions, writes the zips of each, and a JSON line that
// describes them.
func (w Workspace) Zip(ctx context.Context, o BuildOptions) error {
	packer := bundle.NewPacker(w.zips())
	pack := func(f *fleet.Function) {
		zips, err := w.packOne(ctx, packer, f, nil)
		if err != nil {
			f.Err = err
		}
		f.Zips = zips
	}
	return w.produce(ctx, o, pack, func(f *fleet.Function) any {
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

// produce builds the selected functions, calls then for each, and writes the
// descriptions of those that succeed.
func (w Workspace) produce(ctx context.Context, o BuildOptions, then func(*fleet.Function), describe func(*fleet.Function) any) error {
	only, err := manifest.Pattern(o.Only)
	if err != nil {
		return err
	}
	m, err := w.load()
	if err != nil {
		return err
	}
	matches, err := m.Match(only)
	if err != nil {
		return err
	}
	functions := make([]*fleet.Function, len(matches))
	for i, f := range matches {
		functions[i] = &fleet.Function{Target: manifest.Target{Function: f, Dual: f.Dual}}
	}
	w.UI.Notef("building %s", text.Count(len(functions), "function"))
	if err := w.build(ctx, functions, func(f *fleet.Function) bool { return f.Dual }); err != nil {
		return err
	}
	fleet.Each(functions, len(functions), then)
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

// build builds the binaries of the functions: bootstrap, and lambda for those
// that legacy reports. It fails if no function can be built.
func (w Workspace) build(ctx context.Context, functions []*fleet.Function, legacy func(*fleet.Function) bool) error {
	list := make([]*build.Function, len(functions))
	for i, f := range functions {
		f.Build = build.Function{Name: f.Function.Name, Package: filepath.FromSlash(f.Function.Package), Tags: f.Function.Tags, Binaries: []build.Binary{build.Bootstrap}}
		if legacy(f) {
			f.Build.Binaries = []build.Binary{build.Lambda, build.Bootstrap}
		}
		list[i] = &f.Build
	}
	o := build.Options{Go: w.Go, Platform: w.Platform, Out: filepath.Join("bin", ".build")}
	if w.Verbose {
		o.Command = func(line string) { w.UI.Notef("%s", line) }
	}
	return build.Build(ctx, o, list)
}

// packOne writes the zips of a function after a build that ended with err.
func (w Workspace) packOne(ctx context.Context, packer *bundle.Packer, f *fleet.Function, err error) (zips lambda.Zips, failed *fleet.Error) {
	stage, doing := fleet.Building, "building"
	if err == nil {
		err = f.Build.Err
	}
	if err == nil {
		stage, doing = fleet.Bundling, "zipping"
		zips, err = packer.Pack(ctx, f.Function.Name, f.Build.Files)
	}
	if err == nil {
		return zips, nil
	}
	if ctx.Err() != nil {
		err = fleet.ErrInterrupted
	}
	return lambda.Zips{}, &fleet.Error{Function: f.Label(), Stage: stage, Doing: doing, Err: err}
}
