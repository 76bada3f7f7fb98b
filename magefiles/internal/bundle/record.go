package bundle

import (
	"cmp"
	"context"
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
	"sync"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
)

// format is the version of the zips that this package writes. Raise it with
// every change that makes TestGolden fail.
const format = 3

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

// recordFile is the name of the record in a directory of zips.
const recordFile = ".zips.json"

// write writes zips to dir, or nothing if the record in dir says that the zips
// hold the same files already.
func write(ctx context.Context, dir, recipe string, specs []Spec) ([]*lambda.Package, error) {
	if recipe == "" {
		return rewrite(ctx, dir, specs)
	}
	ids, err := identify(ctx, recipe, specs)
	if err != nil {
		return nil, err
	}
	if packages, ok := readRecord(dir).reuse(dir, specs, ids); ok {
		return packages, nil
	}
	packages, err := rewrite(ctx, dir, specs)
	if err != nil {
		return nil, err
	}
	return packages, note(ctx, dir, recipe, specs, ids, packages)
}

// note records the zips of specs that were written after their identities were
// taken. It omits them if a file has changed since: they may have the old or the
// new content.
func note(ctx context.Context, dir, recipe string, specs []Spec, ids []string, packages []*lambda.Package) error {
	now, err := identify(ctx, recipe, specs)
	if err != nil || !slices.Equal(ids, now) {
		return err
	}
	return writeRecord(dir, packages, ids)
}

// rewrite writes zips to dir. It compresses each file once.
func rewrite(ctx context.Context, dir string, specs []Spec) ([]*lambda.Package, error) {
	temp, err := os.MkdirTemp(dir, scratch)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	var writers sync.Pool // each takes a megabyte, too much for each of many small files
	content, err := each(ctx, specs, func(s source) (compressed, error) { return compress(temp, s, &writers) })
	if err != nil {
		return nil, err
	}
	packages := make([]*lambda.Package, len(specs))
	for i, s := range specs {
		if packages[i], err = s.write(filepath.Join(dir, s.File), content); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// each calls do once for each distinct source of specs, for two at the same time,
// because most zips have two large files.
func each[T any](ctx context.Context, specs []Spec, do func(source) (T, error)) (map[source]T, error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	results, started := map[source]T{}, map[source]bool{}
	for _, s := range specs {
		for _, e := range s.Entries {
			source := s.source(e)
			if started[source] {
				continue
			}
			started[source] = true
			group.Go(func() error {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				result, err := do(source)
				mu.Lock()
				defer mu.Unlock()
				results[source] = result
				return err
			})
		}
	}
	return results, group.Wait()
}

// identify returns what identifies each zip before it is written: a digest of
// everything that decides its bytes.
func identify(ctx context.Context, recipe string, specs []Spec) ([]string, error) {
	content, err := each(ctx, specs, source.identity)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(specs))
	for i, s := range specs {
		s.Entries = slices.Clone(s.Entries)
		for j, e := range s.Entries {
			s.Entries[j].Path = content[s.source(e)]
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %#v", recipe, s))
		ids[i] = hex.EncodeToString(sum[:])
	}
	return ids, nil
}

// record describes the zips in a directory by their file names. It is believed
// only about zips whose identity, size and time of modification match, so an old
// record does no harm.
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
func (r record) reuse(dir string, specs []Spec, ids []string) ([]*lambda.Package, bool) {
	packages := make([]*lambda.Package, len(specs))
	for i, s := range specs {
		e := r[s.File]
		e.Package.Path = filepath.Join(dir, s.File)
		if e.Identity != ids[i] || !e.current() {
			return nil, false
		}
		packages[i] = &e.Package
	}
	return packages, true
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
	file, err := e.Package.Open()
	return err == nil && file.Close() == nil
}

func writeRecord(dir string, packages []*lambda.Package, ids []string) error {
	r := record{}
	for i, p := range packages {
		info, err := os.Stat(p.Path)
		if err != nil {
			return err
		}
		r[filepath.Base(p.Path)] = entry{ids[i], info.ModTime(), *p}
	}
	return atomicfile.ReplaceFunc(filepath.Join(dir, recordFile), func(f *os.File) error {
		return json.NewEncoder(f).Encode(r)
	})
}

// identity identifies the content: of a binary by Go's build ID, which ends in a
// hash of the content and is near the beginning of the file, and of any other
// file by the hash of the whole file. Source:
// https://pkg.go.dev/cmd/go/internal/work (buildid.go).
func (s source) identity() (string, error) {
	if s.link != "" {
		return "", nil // the link itself says it
	}
	f, err := os.Open(s.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if s.binary {
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		if id := buildID(f); id != "" {
			return fmt.Sprintf("%d %s", info.Size(), id), nil
		}
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
