package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Packer writes the zips of functions. Functions whose zips have the same entries
// share them: the files are compressed once, and the zips of each function are
// hard links to one file.
//
// Until its zips are written, the compressed content of a function's files is in
// memory, or on disk if a file is large: see inMemory.
type Packer struct {
	dir    string
	recipe string
	cores  *semaphore.Weighted // functions that are packed at the same time

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by directory in the store
}

// NewPacker returns a packer that writes the zips of the function NAME to
// dir/NAME.
func NewPacker(dir string) *Packer {
	return &Packer{
		dir:    dir,
		recipe: recipe(),
		cores:  semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		locks:  map[string]*sync.Mutex{},
	}
}

// Pack writes the zips of a function and returns them in the order of specs. It
// removes a zip of the function that specs do not name. It refuses a zip that
// Lambda would not unpack, and a directory that is a symbolic link out of the
// current directory. It may be called from many goroutines.
func (p *Packer) Pack(ctx context.Context, name string, specs ...Spec) ([]*lambda.Package, error) {
	sorted := make([]Spec, len(specs))
	for i, s := range specs {
		sorted[i] = s.sorted()
		if err := sorted[i].check(); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(p.dir, name)
	if err := p.prepare(dir); err != nil {
		return nil, err
	}
	stored, err := p.store(ctx, sorted)
	if err != nil {
		return nil, err
	}
	packages := make([]*lambda.Package, len(stored))
	for i, s := range stored {
		if packages[i], err = share(s, dir); err != nil {
			return nil, err
		}
	}
	for _, file := range []string{DualZip, BootstrapZip} {
		if !slices.ContainsFunc(specs, func(s Spec) bool { return s.File == file }) {
			if err := remove(filepath.Join(dir, file)); err != nil {
				return nil, err
			}
		}
	}
	return packages, nil
}

// Include is [Include] without what is not part of the function: the packer's own
// directory, and bin and .git of the current directory.
func (p *Packer) Include(dir string, patterns []string) ([]Entry, error) {
	entries, err := Include(dir, patterns)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e Entry) bool {
		return slices.ContainsFunc([]string{p.dir, "bin", ".git"}, func(own string) bool { return below(own, e.Path) })
	}), nil
}

// below reports whether path is in the directory dir.
func below(dir, path string) bool {
	dir, dirErr := filepath.Abs(dir)
	path, pathErr := filepath.Abs(path)
	rel, err := filepath.Rel(dir, path)
	return cmp.Or(dirErr, pathErr, err) == nil && filepath.IsLocal(rel)
}

// store writes zips to their directory in the store, which depends on where their
// content comes from and not on the content.
func (p *Packer) store(ctx context.Context, specs []Spec) ([]*lambda.Package, error) {
	root := filepath.Join(p.dir, ".zips")
	key := sha256.Sum256(fmt.Appendf(nil, "%#v", specs))
	dir := filepath.Join(root, hex.EncodeToString(key[:8]))
	lock := p.lock(dir)
	lock.Lock()
	defer lock.Unlock()
	if err := p.cores.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer p.cores.Release(1)
	for _, dir := range []string{root, dir} {
		if err := p.prepare(dir); err != nil {
			return nil, err
		}
	}
	return write(ctx, dir, p.recipe, specs)
}

func (p *Packer) lock(dir string) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	lock := cmp.Or(p.locks[dir], &sync.Mutex{})
	p.locks[dir] = lock
	return lock
}

// share makes a zip of the store appear in dir as well.
func share(stored *lambda.Package, dir string) (*lambda.Package, error) {
	p := *stored
	p.Path = filepath.Join(dir, filepath.Base(stored.Path))
	return &p, atomicfile.Link(stored.Path, p.Path)
}

// prepare creates a directory for zips, or removes what killed runs left in it.
// What it cannot remove stays.
func (p *Packer) prepare(dir string) error {
	for _, path := range []string{dir, filepath.Join(dir, DualZip), filepath.Join(dir, BootstrapZip), filepath.Join(dir, recordFile)} {
		if err := p.inside(path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_ = atomicfile.Clean(dir, stale)
	removeScratch(dir)
	return nil
}

// inside returns an error if path is a symbolic link that leaves the current
// directory and the packer's own directory, which may itself be a link: what it
// leads to is not ours.
func (p *Packer) inside(path string) error {
	target, err := resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		if to, err := os.Readlink(path); err == nil {
			return fmt.Errorf("%s is a symbolic link to %s, which does not exist; remove the link", path, to)
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, dir := range []string{".", p.dir} {
		root, err := resolve(dir)
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(root, target); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return fmt.Errorf("%s is a symbolic link to %s, which is outside the current directory; remove the link", path, target)
}

// resolve returns the absolute path of what path leads to.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(target)
}

// stale is the age at which a temporary file is taken to be from a run that was
// killed.
const stale = time.Hour

// scratch begins the names of directories that hold compressed files.
const scratch = ".compressed-"

// removeScratch removes directories of compressed files that killed runs left in
// dir. What it cannot remove stays.
func removeScratch(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), scratch) && time.Since(info.ModTime()) > stale {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
