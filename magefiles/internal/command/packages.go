package command

import (
	"context"
	"path/filepath"
	"slices"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// binaries returns the binaries to build for a function's package of a shape.
func binaries(f *fleet.Function, shape fleet.Shape) []build.Binary {
	switch {
	case f.Function.Deployed():
		return nil
	case shape.Legacy == "":
		return []build.Binary{{Kind: build.Bootstrap, Architecture: shape.Architecture}}
	case f.Single || shape.Legacy == lambda.Bootstrap:
		return []build.Binary{{Kind: build.Single, Architecture: shape.Architecture}}
	}
	return []build.Binary{{Kind: build.Legacy, Architecture: shape.Architecture}, {Kind: build.Bootstrap, Architecture: shape.Architecture}}
}

// allBinaries returns the binaries in a function's packages of the shapes.
func allBinaries(f *fleet.Function, shapes []fleet.Shape) (all []build.Binary) {
	for _, shape := range shapes {
		for _, b := range binaries(f, shape) {
			if !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	return all
}

// lacks reports whether a binary of a function has not been built.
func lacks(f *fleet.Function) bool {
	return slices.ContainsFunc(f.Build.Binaries, func(b build.Binary) bool { return f.Build.Files[b] == "" })
}

// buildOf returns the build of a function's packages of the shapes.
func buildOf(f *fleet.Function, shapes []fleet.Shape) build.Function {
	return build.Function{
		Name: f.Function.Name, Package: filepath.FromSlash(f.Function.Package), Tags: f.Function.Tags, Binaries: allBinaries(f, shapes),
	}
}

// shapes returns the shapes of the packages that a command needs of a function in
// state s. The first is the one that it deploys.
func shapes(f *fleet.Function, s lambda.State) []fleet.Shape {
	list := []fleet.Shape{f.Shape(s)}
	switch {
	case f.Action == fleet.Cleanup && f.Dual && s.Architecture == lambda.X86_64: // the health of this one was judged
		list = append(list, f.DualShape(s))
	case list[0].Legacy != "" && len(binaries(f, list[0])) > 1: // another run may clean up
		list = append(list, fleet.Shape{Architecture: list[0].Architecture})
	}
	return list
}

// spec returns the contents of a function's package of a shape.
func spec(f *fleet.Function, shape fleet.Shape, included []bundle.Entry) bundle.Spec {
	file := func(name string, kind build.Kind) bundle.Entry {
		return bundle.Entry{Name: name, Path: f.Build.Files[build.Binary{Kind: kind, Architecture: shape.Architecture}], Mode: 0o755}
	}
	s := bundle.Spec{File: bundle.DualZip, Legacy: shape.Legacy, Architecture: shape.Architecture}
	switch {
	case shape.Legacy == "":
		s.File = bundle.BootstrapZip
		s.Entries = []bundle.Entry{file(lambda.Bootstrap, build.Bootstrap)}
	case shape.Legacy == lambda.Bootstrap:
		s.Entries = []bundle.Entry{file(lambda.Bootstrap, build.Single)}
	case f.Single:
		s.Entries = []bundle.Entry{file(shape.Legacy, build.Single), {Name: lambda.Bootstrap, Link: shape.Legacy}}
	default:
		s.Entries = []bundle.Entry{file(shape.Legacy, build.Legacy), file(lambda.Bootstrap, build.Bootstrap)}
	}
	s.Entries = append(s.Entries, included...)
	return s
}

// pack writes a function's packages of the shapes and adds them to its record.
func pack(ctx context.Context, packer *bundle.Packer, f *fleet.Function, shapes []fleet.Shape) error {
	included, err := packer.Include(filepath.FromSlash(f.Function.Package), f.Function.Include)
	if err != nil {
		return err
	}
	specs := make([]bundle.Spec, len(shapes))
	for i, shape := range shapes {
		specs[i] = spec(f, shape, included)
	}
	packages, err := packer.Pack(ctx, f.Function.Name, specs...)
	if err != nil {
		return err
	}
	f.Zips = lambda.Zips{}
	for _, p := range packages {
		if p.Dual() {
			f.Zips.Dual = p
		} else {
			f.Zips.Bootstrap = p
		}
	}
	return nil
}
