package build

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"example.com/dualboot/magefiles/internal/lambda"
)

const (
	// sdk is the module that every function on go1.x needs.
	sdk = "github.com/aws/aws-lambda-go"
	// oldest is the first version of it that calls the Runtime API. Source:
	// the update of 2024-02-13 in
	// https://aws.amazon.com/blogs/compute/migrating-aws-lambda-functions-from-the-go1-x-runtime-to-the-custom-runtime-on-amazon-linux-2/
	oldest = "v1.18.0"
)

// damaged is the error of a file that is no binary. go build may leave it as it is,
// because it looks no further than at the build ID.
type damaged struct{ error }

func (d damaged) Unwrap() error { return d.error }

// check returns an error with the fix if Lambda cannot start or invoke the binary
// in the file. It reads the headers and the build information, not the code. The
// file is from the module in the directory dir.
func check(file string, binary Binary, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("checking %s: %w", binary, err)
	}
	defer f.Close()
	if err := checkELF(f, binary); err != nil {
		return fmt.Errorf("checking %s: %w", binary, err)
	}
	info, err := buildinfo.Read(f)
	if err != nil {
		return damaged{fmt.Errorf("checking %s: reading the build information of %s: %w", binary, file, err)}
	}
	if err := checkModules(info, binary.Kind, dir); err != nil {
		return fmt.Errorf("checking %s: %w", binary, err)
	}
	return nil
}

// checkELF returns an error unless r is a static executable for Linux on the
// architecture of the binary.
func checkELF(r io.ReaderAt, binary Binary) error {
	exe, err := elf.NewFile(r)
	if err != nil {
		return damaged{fmt.Errorf("it is not an executable for Linux: %w", err)}
	}
	if err := checkType(exe); err != nil {
		return err
	}
	if err := checkMachine(exe, binary.Architecture); err != nil {
		return fmt.Errorf("%w: does your go command change GOARCH?", err)
	}
	if slices.ContainsFunc(exe.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		libraries, err := exe.ImportedLibraries()
		if err != nil || len(libraries) == 0 {
			libraries = []string{"a dynamic linker"}
		}
		return fmt.Errorf("it needs %s, which Lambda may lack: remove the import that loads C libraries without cgo, for example github.com/ebitengine/purego", strings.Join(libraries, ", "))
	}
	return nil
}

// checkModules returns an error if the binary cannot be invoked, because of the
// version of aws-lambda-go or of the build tags. It accepts a bootstrap without
// aws-lambda-go, which may call the Runtime API itself, and copies of
// aws-lambda-go that have no version.
func checkModules(info *debug.BuildInfo, kind Kind, dir string) error {
	if kind != Bootstrap && hasTag(info, lambda.NoRPC) {
		return fmt.Errorf("it has the build tag %s, so go1.x cannot invoke it: remove the tag from the function's tags", lambda.NoRPC)
	}
	if info.Main.Path == sdk {
		return nil
	}
	m := sdkOf(info)
	if m == nil && kind == Bootstrap {
		return nil
	}
	if m == nil {
		return errors.New(info.Path + " does not import " + sdk + ", so go1.x cannot invoke it: is it the right package?")
	}
	if m.Path == sdk && semver.IsValid(m.Version) && semver.Compare(m.Version, oldest) < 0 {
		return fmt.Errorf("it uses %s %s, which does not call the Runtime API, so every invocation on %s would time out: run `go get %s@latest` in %s",
			sdk, m.Version, lambda.ProvidedAL2023, sdk, dir)
	}
	return nil
}

func checkType(exe *elf.File) error {
	if exe.Type != elf.ET_EXEC && exe.Type != elf.ET_DYN {
		return fmt.Errorf("it is not an executable: its ELF type is %v", exe.Type)
	}
	return nil
}

func checkMachine(exe *elf.File, architecture string) error {
	if want := lambda.Machine(architecture); exe.Machine != want {
		return fmt.Errorf("it is built for %v and not for %v", exe.Machine, want)
	}
	return nil
}

// sdkOf returns the module that serves as aws-lambda-go in a program, or nil.
func sdkOf(info *debug.BuildInfo) *debug.Module {
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == sdk })
	switch {
	case i < 0:
		return nil
	case info.Deps[i].Replace != nil:
		return info.Deps[i].Replace
	}
	return info.Deps[i]
}

// hasTag reports whether the binary was built with the build tag.
func hasTag(info *debug.BuildInfo, tag string) bool {
	return slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), tag)
	})
}
