package bundle

import (
	"cmp"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
)

// format is the version of the zips that this package writes. Raise it with
// every change that makes TestGolden fail.
const format = 2

// deflater is the module that, besides this package, decides the bytes of a zip.
const deflater = "github.com/klauspost/compress"

// recipe identifies the code that writes the zips. It is empty if that is not
// exactly known, as in tests and if a directory replaces the compressor.
func recipe() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return recipeOf(info.Deps)
}

func recipeOf(deps []*debug.Module) string {
	i := slices.IndexFunc(deps, func(m *debug.Module) bool { return m.Path == deflater })
	if i < 0 {
		return ""
	}
	m := cmp.Or(deps[i].Replace, deps[i])
	if !semver.IsValid(m.Version) {
		return ""
	}
	return fmt.Sprintf("%d %s %s@%s %s", format, runtime.Version(), m.Path, m.Version, m.Sum)
}

// The names of the files in a directory of zips.
const (
	dualZip      = "lambda.zip"
	bootstrapZip = "bootstrap.zip"
	recordFile   = ".zips.json"
)

// write writes the zips of the binaries at the two paths to dir: lambda.zip with
// both, and bootstrap.zip. Without a path to lambda it writes no lambda.zip and
// removes an old one. It compresses each binary once, and writes nothing if the
// record in dir says that the zips hold these binaries already.
func write(dir, legacy, bootstrap, recipe string) (lambda.Zips, error) {
	b := newBinaries(legacy, bootstrap)
	if legacy == "" {
		if err := remove(filepath.Join(dir, dualZip)); err != nil {
			return lambda.Zips{}, err
		}
	}
	ids, known := b.identify(recipe)
	if known {
		if zips, ok := readRecord(dir).reuse(dir, ids); ok {
			return zips, nil
		}
	}
	files := make([]File, len(b))
	err := b.each(func(i int) (err error) {
		files[i], err = Compress(b[i].name, b[i].path)
		return err
	})
	if err != nil {
		return lambda.Zips{}, err
	}
	var zips lambda.Zips
	if zips.Bootstrap, err = Zip(filepath.Join(dir, bootstrapZip), files[0]); err != nil {
		return lambda.Zips{}, err
	}
	if legacy != "" {
		if zips.Dual, err = Zip(filepath.Join(dir, dualZip), files...); err != nil {
			return lambda.Zips{}, err
		}
	}
	if !known {
		return zips, nil
	}
	return zips, writeRecord(dir, zips, ids)
}

// binaries are the binaries of a function: bootstrap, and lambda if it has one.
type binaries []struct{ name, path string }

func newBinaries(legacy, bootstrap string) binaries {
	b := binaries{{lambda.Bootstrap, bootstrap}}
	if legacy != "" {
		b = append(b, binaries{{lambda.LegacyBinary, legacy}}...)
	}
	return b
}

// each calls do for each binary, at the same time.
func (b binaries) each(do func(i int) error) error {
	var group errgroup.Group
	for i := range b {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// identify returns what identifies each zip of the binaries before it is
// written. It reports false if the recipe is unknown or a binary is unreadable.
func (b binaries) identify(recipe string) (identities, bool) {
	ids := make([]string, len(b))
	err := b.each(func(i int) (err error) {
		ids[i], err = identity(b[i].path)
		return err
	})
	if recipe == "" || err != nil {
		return nil, false
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%s %s\n", recipe, b[0].name, ids[0])
	result := identities{bootstrapZip: hex.EncodeToString(hash.Sum(nil))}
	if len(b) > 1 {
		fmt.Fprintf(hash, "%s %s\n", b[1].name, ids[1])
		result[dualZip] = hex.EncodeToString(hash.Sum(nil))
	}
	return result, true
}

// identities are the identities of zips by file name.
type identities map[string]string

// record describes the zips in a directory. It is believed only about zips whose
// identity, size and time of modification match, so an old record does no harm.
type record map[string]entry

type entry struct {
	Identity string
	Modified time.Time
	Package  lambda.Package
}

// readRecord returns an empty record if there is none, or if it is broken.
func readRecord(dir string) record {
	var r record
	data, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil || json.Unmarshal(data, &r) != nil {
		return nil
	}
	return r
}

// reuse returns the zips with the identities if dir holds all of them.
func (r record) reuse(dir string, ids identities) (zips lambda.Zips, ok bool) {
	for name, id := range ids {
		e := r[name]
		e.Package.Path = filepath.Join(dir, name)
		if e.Identity != id || !e.current() {
			return lambda.Zips{}, false
		}
		if name == dualZip {
			zips.Dual = &e.Package
		} else {
			zips.Bootstrap = &e.Package
		}
	}
	return zips, true
}

// current reports whether the zip is the one that was recorded. It reads the zip
// only if its time has changed.
func (e entry) current() bool {
	info, err := os.Stat(e.Package.Path)
	if err != nil || info.Size() != e.Package.Size {
		return false
	}
	if info.ModTime().Equal(e.Modified) {
		return true
	}
	_, err = e.Package.Read()
	return err == nil
}

func writeRecord(dir string, zips lambda.Zips, ids identities) error {
	r := record{}
	for _, p := range []*lambda.Package{zips.Dual, zips.Bootstrap} {
		if p == nil {
			continue
		}
		info, err := os.Stat(p.Path)
		if err != nil {
			return err
		}
		name := filepath.Base(p.Path)
		r[name] = entry{ids[name], info.ModTime(), *p}
	}
	return atomicfile.ReplaceFunc(filepath.Join(dir, recordFile), func(f *os.File) error {
		return json.NewEncoder(f).Encode(r)
	})
}

// identity identifies the content of a binary: by Go's build ID, which ends in a
// hash of the content and is near the beginning of the file, or else by the hash
// of the whole file. Source: https://pkg.go.dev/cmd/go/internal/work (buildid.go).
func identity(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if id := buildID(f); id != "" {
		return fmt.Sprintf("%d %s", info.Size(), id), nil
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return hex.EncodeToString(hash.Sum(nil)), err
}

// noteHeader is the length in bytes of an ELF note's header with the name "Go".
const noteHeader = 16

// buildID returns the build ID of an ELF binary, or "" if it has none.
func buildID(r io.ReaderAt) string {
	file, err := elf.NewFile(r)
	if err != nil {
		return ""
	}
	defer file.Close()
	section := file.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	note, err := section.Data()
	if err != nil || len(note) <= noteHeader {
		return ""
	}
	return string(note[noteHeader:])
}
