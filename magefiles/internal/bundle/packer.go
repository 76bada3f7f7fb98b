package bundle

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Packer writes the zips of functions. Functions that share their binaries share
// their zips: the binaries are compressed once, and the zips of each function
// are hard links to one file.
type Packer struct {
	dir    string
	recipe string
	cores  *semaphore.Weighted // functions that are packed at the same time
	memory *semaphore.Weighted // bytes of binaries that are compressed at the same time

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by directory in the store
}

// compressing limits the bytes of binaries that are compressed at the same time.
// The compressed bytes stay in memory until their zips are written.
const compressing = 96 << 20

// NewPacker returns a packer that writes the zips of the function NAME to
// dir/NAME.
func NewPacker(dir string) *Packer {
	return &Packer{
		dir:    dir,
		recipe: recipe(),
		cores:  semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		memory: semaphore.NewWeighted(compressing),
		locks:  map[string]*sync.Mutex{},
	}
}

// Pack writes the zips of a function: lambda.zip with both binaries and
// bootstrap.zip. It writes no lambda.zip, and removes an old one, if there is no
// lambda in files. It may be called from many goroutines.
func (p *Packer) Pack(ctx context.Context, name string, files map[build.Binary]string) (lambda.Zips, error) {
	legacy, bootstrap := files[build.Lambda], files[build.Bootstrap]
	stored, err := p.store(ctx, legacy, bootstrap)
	if err != nil {
		return lambda.Zips{}, err
	}
	dir := filepath.Join(p.dir, name)
	if err := prepareDir(dir); err != nil {
		return lambda.Zips{}, err
	}
	zips := lambda.Zips{}
	if zips.Bootstrap, err = share(stored.Bootstrap, dir); err != nil {
		return lambda.Zips{}, err
	}
	if stored.Dual == nil {
		return zips, remove(filepath.Join(dir, dualZip))
	}
	zips.Dual, err = share(stored.Dual, dir)
	return zips, err
}

// store writes the zips of two binaries to their directory in the store, which
// depends on the paths of the binaries and not on their content.
func (p *Packer) store(ctx context.Context, legacy, bootstrap string) (lambda.Zips, error) {
	key := sha256.Sum256([]byte(legacy + "\x00" + bootstrap))
	dir := filepath.Join(p.dir, ".zips", hex.EncodeToString(key[:8]))
	lock := p.lock(dir)
	lock.Lock()
	defer lock.Unlock()
	if err := p.cores.Acquire(ctx, 1); err != nil {
		return lambda.Zips{}, err
	}
	defer p.cores.Release(1)
	weight := min(size(legacy)+size(bootstrap), compressing)
	if err := p.memory.Acquire(ctx, weight); err != nil {
		return lambda.Zips{}, err
	}
	defer p.memory.Release(weight)
	if err := prepareDir(dir); err != nil {
		return lambda.Zips{}, err
	}
	return write(dir, legacy, bootstrap, p.recipe)
}

func (p *Packer) lock(dir string) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	lock := cmp.Or(p.locks[dir], &sync.Mutex{})
	p.locks[dir] = lock
	return lock
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// share makes a zip of the store appear in dir as well.
func share(stored *lambda.Package, dir string) (*lambda.Package, error) {
	p := *stored
	p.Path = filepath.Join(dir, filepath.Base(stored.Path))
	return &p, atomicfile.Link(stored.Path, p.Path)
}

// prepareDir creates a directory for zips, or removes the temporary files that
// killed runs left in it. What it cannot remove stays.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_ = atomicfile.Clean(dir, time.Hour)
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
