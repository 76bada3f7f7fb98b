package rehearsal

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"runtime"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/manifest"
)

// hostBuild returns what the emulator calls to serve a function for another
// architecture where it cannot run the binary itself: it builds the same package
// for this machine, and notes that.
func hostBuild(gocmd string, functions func() []manifest.Function, notef func(string, ...any)) func(context.Context, *buildinfo.BuildInfo) (string, error) {
	return func(ctx context.Context, info *buildinfo.BuildInfo) (string, error) {
		for _, f := range functions() {
			dir := filepath.FromSlash(f.Package)
			if path, err := build.ImportPath(dir); f.Deployed() || err != nil || path != info.Path {
				continue
			}
			notef("this machine cannot run the architecture of %s: a build of %s for %s/%s serves instead; install qemu-user to run the binary itself",
				f.Name, f.Package, runtime.GOOS, runtime.GOARCH)
			b := &build.Function{Name: f.Name, Package: dir, Tags: f.Tags, Binaries: []build.Binary{bootstrapBinary}}
			err := build.Build(ctx, build.Options{Go: gocmd, Host: true, Out: filepath.Join("bin", ".host", f.Name)}, []*build.Function{b})
			if err := cmp.Or(err, b.Err); err != nil {
				return "", err
			}
			return filepath.Abs(b.Files[bootstrapBinary])
		}
		return "", fmt.Errorf("no function in lambdas.json has the package %s", info.Path)
	}
}

// packages returns the functions as lambdas.json has them.
func (s *stage) packages() []manifest.Function {
	list := make([]manifest.Function, len(s.functions))
	for i, f := range s.functions {
		list[i] = f.Function
	}
	return list
}

// buckets returns the S3 buckets of environments.
func buckets(environments ...manifest.Environment) (names []string) {
	for _, e := range environments {
		if e.Bucket != "" {
			names = append(names, e.Bucket)
		}
	}
	return names
}
