package emulator

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"

	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// foreign finds commands that start binaries for other machines: QEMU's user mode
// emulation, or a build of the same function for this machine.
type foreign struct {
	hostBuild func(context.Context, *buildinfo.BuildInfo) (string, error)
	lookPath  func(string) (string, error)
	off       bool // packages contain binaries for this machine

	mu     sync.Mutex
	builds map[string]func() (string, error) // by package and file
}

func newForeign(o Options) *foreign {
	return &foreign{
		hostBuild: o.HostBuild, lookPath: o.lookPath, off: o.HostBinaries,
		builds: map[string]func() (string, error){},
	}
}

// machines are the machines of Lambda by Go's name.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// command returns the command that starts a file of a package or layers, or nil if
// this machine starts the file itself.
func (f *foreign) command(ctx context.Context, conf configuration, in *zips.Package, file string) ([]string, error) {
	machine := in.Machine(file)
	if f.off || machine == elf.EM_NONE || machine == machines[runtime.GOARCH] {
		return nil, nil
	}
	architecture, qemu := conf.architecture(), "qemu-x86_64"
	if architecture == lambda.ARM64 {
		qemu = "qemu-aarch64"
	}
	binary := filepath.Join(in.Root, filepath.FromSlash(file))
	for _, name := range []string{qemu, qemu + "-static"} {
		if path, err := f.lookPath(name); err == nil {
			return []string{path, binary}, nil
		}
	}
	function := conf.FunctionName
	if f.hostBuild == nil {
		return nil, apiErrorf(http.StatusInternalServerError, "ServiceException",
			"The emulator cannot start function %s: this machine cannot run %s. Install qemu-user.", function, architecture)
	}
	path, err := f.build(ctx, in.CodeSha256+" "+file, binary)
	if err != nil {
		return nil, apiErrorf(http.StatusInternalServerError, "ServiceException",
			"The emulator cannot start function %s: this machine cannot run %s, and building it for %s/%s failed: %v. Install qemu-user.",
			function, architecture, runtime.GOOS, runtime.GOARCH, err)
	}
	return []string{path}, nil
}

// build builds the function of a binary for this machine, once for each key.
func (f *foreign) build(ctx context.Context, key, binary string) (string, error) {
	f.mu.Lock()
	build := f.builds[key]
	if build == nil {
		build = sync.OnceValues(func() (string, error) {
			info, err := buildinfo.ReadFile(binary)
			if err != nil {
				return "", fmt.Errorf("reading its build information: %w", err)
			}
			return f.hostBuild(ctx, info)
		})
		f.builds[key] = build
	}
	f.mu.Unlock()
	return build()
}
