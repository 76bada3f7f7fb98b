package command

import (
	"context"
	"fmt"
	"io"
	"os"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// fromDeployed makes the package of a function without sources from its deployed zip,
// or records why it failed. It downloads the zip only if something may be done to the
// function.
func (p *preparation) fromDeployed(ctx context.Context, f *fleet.Function) {
	if f.Observed.Contents == nil {
		p.rollout.Inspect(ctx, f)
	}
	switch {
	case f.Err != nil || f.Observed.PackageType == "Image":
		return
	case stays(f):
		keep(f, lambda.Package{Path: p.packer.DownloadPath(f.Observed.CodeSha256)})
		return
	}
	path, err := p.rollout.Download(ctx, f, p.packer)
	if err != nil {
		fail(ctx, f, fleet.Observing, "downloading the zip of", err)
		return
	}
	d, err := bundle.OpenDeployed(path, f.Observed.CodeSha256, f.Observed.Architecture)
	if err == nil {
		err = p.convert(ctx, f, d)
		d.Close() // it was only read
	}
	if err != nil {
		fail(ctx, f, fleet.Bundling, "migrating the deployed zip of", err)
	}
}

// stays reports whether the deployed zip of a function is known to suit its runtime:
// dualboot made it so, or it serves on the runtime that is the goal.
func stays(f *fleet.Function) bool {
	s := f.Observed
	if s.UpdateFailed { // it may have to be sent again
		return false
	}
	if s.Contents.Made {
		return s.Contents.Legacy == f.Shape(s).Legacy
	}
	return s.Runtime == lambda.ProvidedAL2023
}

// keep makes the deployed zip itself a package of the function.
func keep(f *fleet.Function, p lambda.Package) {
	s := f.Observed
	p.CodeSha256, p.Architecture, p.Size, p.Replaces = s.CodeSha256, s.Architecture, s.CodeSize, s.CodeSha256
	p.Files = s.Contents.Names()
	if s.Contents.Made {
		p.Legacy, p.Zones = s.Contents.Legacy, s.Contents.Zones
	}
	if p.Dual() {
		f.Zips.Dual = &p
	} else {
		f.Zips.Bootstrap = &p
	}
}

// convert checks the deployed zip of a function, and makes the package that the
// function needs from it.
func (p *preparation) convert(ctx context.Context, f *fleet.Function, d *bundle.Deployed) error {
	s, shape := f.Observed, f.Shape(f.Observed)
	to := bundle.Derivation{Legacy: shape.Legacy, Architecture: shape.Architecture}
	if !s.Contents.Made || f.Action == fleet.Deploy && s.Contents.Legacy != shape.Legacy {
		zones, err := p.check(ctx, d, s)
		if err == nil && !zones && s.Runtime != lambda.ProvidedAL2023 {
			to.Zones, err = p.zones()
		}
		if err != nil {
			return err
		}
	}
	if s.Contents.Made || shape.Legacy == "" {
		keep(f, d.Package)
	}
	if d.Package.Legacy == shape.Legacy && to.Zones == "" {
		return nil
	}
	made, err := p.packer.Derive(ctx, f.Function.Name, d, to)
	if err != nil {
		return err
	}
	if made.Dual() {
		f.Zips.Dual = made
	} else {
		f.Zips.Bootstrap = made
	}
	return nil
}

// check returns an error unless the file that a runtime starts in a zip of another
// tool starts on provided.al2023 too. It reports whether the function has a time zone
// database of its own.
func (p *preparation) check(ctx context.Context, d *bundle.Deployed, s lambda.State) (zones bool, err error) {
	name := lambda.EntryPoint(s.Runtime, s.Handler)
	err = p.packer.Scratch(ctx, func(file *os.File) error {
		if err := d.Extract(name, file); err != nil {
			return err
		}
		if err := build.CheckDeployed(file, s.Architecture, s.Runtime); err != nil {
			return fmt.Errorf("its %s cannot be shown to start on %s: %w; if you have its sources, name them as \"package\" in %s", name, lambda.ProvidedAL2023, err, File)
		}
		if zones = s.Contents.BringsZones() || s.Variables[lambda.ZonesVariable] != ""; zones {
			return nil
		}
		_, err := file.Seek(0, io.SeekStart)
		if err == nil {
			zones, err = build.BringsZones(file)
		}
		return err
	})
	return zones, err
}
