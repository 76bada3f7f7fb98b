package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

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
	case startsNothing(f.Observed):
		f.Fail(fleet.Planning, "migrating the deployed zip of", fmt.Errorf("the function is on %s, and its zip (%v) has no bootstrap that starts there: return its runtime and its handler on AWS to what they were, or name its sources as \"package\" in %s",
			lambda.ProvidedAL2023, f.Observed.Contents, File))
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
	if err == nil {
		err = p.saveOrigin(f)
	}
	if err != nil {
		fail(ctx, f, fleet.Bundling, "migrating the deployed zip of", err)
	}
}

// saveOrigin notes what a function is before its migration, for a rehearsal.
func (p *preparation) saveOrigin(f *fleet.Function) error {
	s := f.Observed
	if s.Contents.Made || s.Runtime == lambda.ProvidedAL2023 {
		return nil
	}
	p.mu.Lock()
	libraries := p.programs[f].Libraries
	p.mu.Unlock()
	return p.packer.SaveOrigin(f.Environment.Name, f.Function.Name, bundle.Origin{
		FunctionName: f.FunctionName, Runtime: s.Runtime, Handler: s.Handler, Architecture: s.Architecture, CodeSha256: s.CodeSha256,
		Layers: s.Layers, Libraries: libraries,
	})
}

// removeUnused removes downloaded zips that no function needs any more.
func (s *session) removeUnused(packer *bundle.Packer) {
	deployed := map[string]bool{}
	for _, f := range s.manifest.Functions {
		deployed[f.Name] = f.Deployed()
	}
	packer.RemoveUnused(func(env, name string) bool {
		_, known := s.manifest.Environments[env]
		return known && deployed[name]
	})
}

// startsNothing reports whether nothing starts on the runtime of a function, because
// somebody has changed that too early. A layer may have what starts.
func startsNothing(s lambda.State) bool {
	return s.Runtime == lambda.ProvidedAL2023 && len(s.Layers) == 0 && s.Bridge == "" && !s.StartsProvided()
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
	return s.Runtime == lambda.ProvidedAL2023 && s.Bridge == "" && !s.LacksZones()
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
		program, err := p.program(ctx, d, f)
		if err == nil && program.lacksZones && program.Go {
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

// program is what is known of the program of a function without sources.
type program struct {
	build.Program
	lacksZones bool // on provided.al2023 it has no time zone database
}

// program checks the program of a function without sources, and records what it finds.
func (p *preparation) program(ctx context.Context, d *bundle.Deployed, f *fleet.Function) (program, error) {
	s := f.Observed
	found, err := p.check(ctx, d, s, s.Program())
	if err != nil {
		err = fmt.Errorf("%w; if you have its sources, name them as \"package\" in %s", err, File)
		if lambda.IsProvided(s.Runtime) {
			err = fmt.Errorf("%w; or change its runtime on AWS and test it: a function that serves on %s stays as it is", err, lambda.ProvidedAL2023)
		}
		return found, err
	}
	if startsAlone(s.Program(), found) == nil || !s.LacksZones() { // the bridge brings time zones
		f.Observed.Checked = s.Program()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.programs[f] = found
	return found, nil
}

// check returns an error unless a program in a zip of another tool starts on
// provided.al2023, as it does where it comes from, if the layers of the function have
// the libraries that it returns.
func (s *session) check(ctx context.Context, d *bundle.Deployed, state lambda.State, name string) (found program, err error) {
	runtime := state.Runtime
	switch {
	case name != state.Program():
		runtime = "" // none has started it yet
	case state.Bridged():
		runtime = lambda.Go1x
	}
	err = s.packer.Scratch(ctx, func(file *os.File) error {
		if err := d.Extract(name, file); err != nil {
			return err
		}
		if found.Program, err = build.CheckDeployed(file, state.Architecture, runtime); err != nil {
			return err
		}
		brings := state.Contents.BringsZones() || state.Variables.OwnZones() && !state.LacksZones()
		stopped := state.LacksZones() || state.Bridge != "" // a deploy before this one
		if brings || state.Runtime == lambda.ProvidedAL2023 && !stopped {
			return nil
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		has, err := build.BringsZones(file)
		found.lacksZones = !has
		return err
	})
	if err == nil {
		found.Libraries, err = s.libraries(ctx, d, state.Architecture, found.Libraries)
	}
	if err == nil && len(found.Libraries) > 0 && len(state.Layers) == 0 {
		err = fmt.Errorf("it needs %s, which %s may lack, and neither the zip nor a layer has it", strings.Join(found.Libraries, ", "), lambda.ProvidedAL2023)
	}
	if err != nil {
		err = fmt.Errorf("its %s cannot be shown to start on %s: %w", name, lambda.ProvidedAL2023, err)
	}
	return found, err
}

// libraries returns those of the libraries, and of the ones that these need, that the
// zip lacks.
func (s *session) libraries(ctx context.Context, d *bundle.Deployed, architecture string, needed []string) (missing []string, err error) {
	for i := 0; i < len(needed) && err == nil; i++ { // needed grows
		err = s.packer.Scratch(ctx, func(file *os.File) error {
			found, err := d.ExtractLibrary(needed[i], file)
			if err != nil {
				return err
			}
			if !found {
				missing = append(missing, needed[i])
				return nil
			}
			more, err := build.Lacking(file, architecture)
			if err != nil {
				return fmt.Errorf("its library %s: %w", needed[i], err)
			}
			for _, name := range more {
				if !slices.Contains(needed, name) {
					needed = append(needed, name)
				}
			}
			return nil
		})
	}
	return missing, err
}
