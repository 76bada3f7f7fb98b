package build

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"example.com/dualboot/magefiles/internal/lambda"
)

// CheckDeployed returns an error unless a program that some other tool has built
// serves on provided.al2023 as it does now: unless it is a Go program for the
// architecture that calls the Runtime API, and needs nothing that provided.al2023
// lacks. On go1.x it must be invoked over net/rpc as well. What the program does not
// reveal counts against it.
func CheckDeployed(r io.ReaderAt, architecture, runtime string) error {
	exe, err := openELF(r)
	if err != nil {
		return err
	}
	if err := checkType(exe); err != nil {
		return err
	}
	if err := checkMachine(exe, architecture); err != nil {
		return err
	}
	info, err := buildinfo.Read(r)
	if err != nil {
		return fmt.Errorf("it has no Go build information (%w): it is not a Go program, or the information was removed, so it does not reveal whether it calls the Runtime API", err)
	}
	if err := checkSDK(info); err != nil {
		return err
	}
	if runtime == lambda.Go1x && hasTag(info, lambda.NoRPC) {
		return fmt.Errorf("it has the build tag %s, so go1.x cannot invoke it", lambda.NoRPC)
	}
	return checkLibraries(exe)
}

// zones is a function of package time/tzdata, whose name is in the tables that no tool
// strips from a Go program.
const zones = "time/tzdata.loadFromEmbeddedTZData"

// BringsZones reports whether a Go program contains a time zone database. The build
// tag timetzdata is one way to that, and an import of time/tzdata another one.
func BringsZones(program io.Reader) (bool, error) {
	block := make([]byte, 1<<20)
	kept := 0 // bytes of the previous block, in which the name may begin
	for {
		n, err := io.ReadFull(program, block[kept:])
		data := block[:kept+n]
		switch {
		case bytes.Contains(data, []byte(zones)):
			return true, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return false, nil
		case err != nil:
			return false, err
		}
		kept = copy(block, data[len(data)-len(zones):])
	}
}

// openELF returns the headers of an executable for Linux.
func openELF(r io.ReaderAt) (*elf.File, error) {
	exe, err := elf.NewFile(r)
	if err == nil {
		return exe, nil
	}
	start := make([]byte, 80)
	n, _ := r.ReadAt(start, 0) // what is there will do
	if line, _, _ := strings.Cut(string(start[:n]), "\n"); strings.HasPrefix(line, "#!") {
		return nil, fmt.Errorf("it is a script (%q), which does not reveal what it starts", line)
	}
	return nil, fmt.Errorf("it is not an executable for Linux: %w", err)
}

// checkSDK returns an error unless the program has a version of aws-lambda-go that
// calls the Runtime API.
func checkSDK(info *debug.BuildInfo) error {
	if len(info.Deps) == 0 && info.Main.Path == "" {
		return errors.New("it was built without modules, so it does not reveal its version of " + sdk)
	}
	m := sdkOf(info)
	switch {
	case m == nil:
		return errors.New("it does not import " + sdk + ", so it does not reveal whether it calls the Runtime API")
	case m.Path != sdk:
		return fmt.Errorf("it has %s in place of %s, so it does not reveal whether it calls the Runtime API", m.Path, sdk)
	case !semver.IsValid(m.Version):
		return fmt.Errorf("it has version %q of %s, so it does not reveal whether it calls the Runtime API", m.Version, sdk)
	case semver.Compare(m.Version, oldest) < 0:
		return fmt.Errorf("it has %s %s, and only %s or later calls the Runtime API", sdk, m.Version, oldest)
	}
	return nil
}

// libraries are those of glibc, which provided.al2023 has. Assumption: its image is
// Amazon Linux 2023's minimal one, with the package glibc. A program that starts on
// an older glibc starts on a newer one.
var libraries = []string{
	"libc.so.6", "libpthread.so.0", "libm.so.6", "libdl.so.2", "librt.so.1", "libresolv.so.2", "libutil.so.1",
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}

// checkLibraries returns an error if the program needs a library, or a dynamic
// linker, that provided.al2023 may lack.
func checkLibraries(exe *elf.File) error {
	needed, err := exe.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("reading which libraries it needs: %w", err)
	}
	for _, p := range exe.Progs {
		if p.Type == elf.PT_DYNAMIC && exe.SectionByType(elf.SHT_DYNAMIC) == nil {
			return errors.New("it does not reveal which libraries it needs: its section headers were removed")
		}
		if p.Type != elf.PT_INTERP {
			continue
		}
		linker, err := io.ReadAll(p.Open())
		if err != nil {
			return fmt.Errorf("reading which dynamic linker it needs: %w", err)
		}
		path := string(bytes.TrimRight(linker, "\x00"))
		needed = append(needed, path[strings.LastIndexByte(path, '/')+1:])
	}
	missing := slices.DeleteFunc(needed, func(name string) bool { return slices.Contains(libraries, name) })
	if len(missing) > 0 {
		return fmt.Errorf("it needs %s, which %s may lack", strings.Join(missing, ", "), lambda.ProvidedAL2023)
	}
	return nil
}
