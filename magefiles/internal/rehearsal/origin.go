package rehearsal

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/text"
)

// origin is what a function without sources was on AWS, and its zip.
type origin struct {
	bundle.Origin
	zip *lambda.Package
}

// withOrigins returns the records of the functions that can be rehearsed, and the
// origins of those without sources. It notes which others there are, and why.
func (o Options) withOrigins(targets []manifest.Target) ([]*fleet.Function, map[*fleet.Function]origin, error) {
	packer := bundle.NewPacker(command.Zips)
	origins := map[*fleet.Function]origin{}
	var functions []*fleet.Function
	var absent, foreign, linked, layered []string
	for _, f := range o.records(targets) {
		if f.Function.Deployed() {
			found, zip, err := packer.Origin(o.Env, f.Function.Name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				absent = append(absent, f.Function.Name)
				continue
			case err != nil:
				return nil, nil, fmt.Errorf("reading what %q was on AWS: %w", f.Function.Name, err)
			case !starts(found.Architecture):
				foreign = append(foreign, f.Function.Name)
				continue
			case len(found.Libraries) > 0:
				linked = append(linked, f.Function.Name)
				continue
			case len(found.Layers) > 0:
				layered = append(layered, f.Function.Name)
			}
			origins[f] = origin{found, zip}
		}
		functions = append(functions, f)
	}
	note := func(format string, names []string) {
		if len(names) > 0 {
			o.UI.Notef(format, text.List(names, 20))
		}
	}
	note("not rehearsed, because their zips are on AWS only: %s; "+o.Program.Command("plan", "-env="+o.Env)+" downloads them before their migration", absent)
	note("not rehearsed, because this machine cannot run their programs: %s", foreign)
	note("not rehearsed, because their programs need libraries of their layers: %s", linked)
	note("rehearsed without their layers: %s", layered)
	if len(functions) == 0 {
		return nil, nil, errors.New("none of the functions that are selected can be rehearsed: they have no sources, and their zips are not here or cannot run here")
	}
	return functions, origins, nil
}

// starts reports whether this machine starts programs for an architecture of Lambda.
func starts(architecture string) bool {
	here := build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	if here != build.AWS || architecture == lambda.X86_64 {
		return here == build.AWS
	}
	for _, qemu := range []string{"qemu-aarch64", "qemu-aarch64-static"} {
		if _, err := exec.LookPath(qemu); err == nil {
			return true
		}
	}
	return false
}
