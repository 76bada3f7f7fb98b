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

// Program is what a program reveals that some other tool has built.
type Program struct {
	Go bool
	// Libraries are those that it needs and provided.al2023 may lack, as the dynamic
	// linker looks for them.
	Libraries []string
}

// CheckDeployed returns an error unless a program that some other tool has built, and
// that a runtime starts, serves on provided.al2023 as it does now, given the libraries
// that it returns. The runtime is "" if none has started the program yet.
//
// A program from go1.x must be a Go program that calls the Runtime API, and go1.x must
// invoke it over net/rpc as well. On provided and provided.al2, any program calls the
// Runtime API. Of a program that none has started, that is not known. What the program
// does not reveal counts against it.
func CheckDeployed(r io.ReaderAt, architecture, runtime string) (p Program, err error) {
	exe, err := openELF(r)
	if err != nil {
		return p, err
	}
	if err := checkType(exe); err != nil {
		return p, err
	}
	if err := checkMachine(exe, architecture); err != nil {
		return p, err
	}
	info, err := buildinfo.Read(r)
	p.Go = err == nil
	if !lambda.IsProvided(runtime) {
		if err != nil {
			return p, fmt.Errorf("it has no Go build information (%w): it is not a Go program, or the information was removed, so it does not reveal whether it calls the Runtime API", err)
		}
		if err := checkSDK(info); err != nil {
			return p, err
		}
		if runtime == lambda.Go1x && hasTag(info, lambda.NoRPC) {
			return p, fmt.Errorf("it has the build tag %s, so go1.x cannot invoke it", lambda.NoRPC)
		}
	}
	if err := checkLinker(exe); err != nil {
		return p, err
	}
	p.Libraries, err = lacking(exe)
	return p, err
}

// Lacking returns the libraries that a shared library for an architecture needs and
// provided.al2023 may lack.
func Lacking(library io.ReaderAt, architecture string) ([]string, error) {
	exe, err := openELF(library)
	if err == nil {
		err = checkMachine(exe, architecture)
	}
	if err != nil {
		return nil, err
	}
	return lacking(exe)
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

// libraries are those that programs for provided.al2 need and provided.al2023 has: the
// ones of glibc, of GCC, and zlib. A program that starts with older versions of them
// starts with newer ones: glibc is 2.26 on Amazon Linux 2 and 2.34 on Amazon Linux 2023.
//
// Assumption: the image of provided.al2023 is Amazon Linux 2023's minimal one, as AWS
// says, and has these libraries, like its container image. That has others too, such as
// libcurl.so.4, but users report that they are missing on Lambda. OpenSSL is 3.0 there,
// and not 1.0 (libssl.so.10, libcrypto.so.10). Sources:
// https://aws.amazon.com/blogs/compute/introducing-the-amazon-linux-2023-runtime-for-aws-lambda/
// https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html
// https://github.com/brefphp/aws-lambda-layers/blob/main/utils/lib-copy/libs-x86.txt
// https://github.com/aws/aws-lambda-base-images/issues/120
var libraries = []string{
	"libc.so.6", "libpthread.so.0", "libm.so.6", "libdl.so.2", "librt.so.1", "libresolv.so.2", "libutil.so.1", "libanl.so.1", "libmvec.so.1",
	"libgcc_s.so.1", "libstdc++.so.6", "libz.so.1",
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}

// linkers are the dynamic linkers of glibc.
var linkers = []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}

// checkLinker returns an error if the program needs a dynamic linker that provided.al2023
// lacks.
func checkLinker(exe *elf.File) error {
	for _, p := range exe.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		linker, err := io.ReadAll(p.Open())
		if err != nil {
			return fmt.Errorf("reading which dynamic linker it needs: %w", err)
		}
		if path := string(bytes.TrimRight(linker, "\x00")); !slices.Contains(linkers, path) {
			return fmt.Errorf("it needs the dynamic linker %s, and %s has that of glibc only", path, lambda.ProvidedAL2023)
		}
	}
	return nil
}

// lacking returns the libraries that a program or a library needs and provided.al2023
// may lack.
func lacking(exe *elf.File) ([]string, error) {
	needed, err := exe.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("reading which libraries it needs: %w", err)
	}
	dynamic := slices.ContainsFunc(exe.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_DYNAMIC })
	if dynamic && exe.SectionByType(elf.SHT_DYNAMIC) == nil {
		return nil, errors.New("it does not reveal which libraries it needs: its section headers were removed")
	}
	return slices.DeleteFunc(needed, func(name string) bool { return slices.Contains(libraries, name) }), nil
}
