// Package bundle writes deployment packages: zips whose bytes depend on the
// binaries in them and on nothing else.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sync/errgroup"
)

// The limits of Lambda for a zip that is sent with the request. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	// MaxUnzipped is the limit in bytes of what a package unpacks to, layers
	// included: "250 MB".
	MaxUnzipped = 250 << 20
	// MaxZipped is the limit in bytes of a zip by direct upload: "50 MB".
	MaxZipped = 50 << 20
)

// Package is one zip on disk.
type Package struct {
	Path       string
	Files      []string // what is in it, sorted
	CodeSha256 string   // of its bytes, as Lambda reports it: standard base64
	Size       int64    // of the zip, in bytes
	Unzipped   int64    // of the files in it, in bytes
}

// Dual reports whether the package carries both binaries.
func (p *Package) Dual() bool { return len(p.Files) > 1 }

// String describes the package in a few words: "lambda + bootstrap, 6.1 MB".
func (p *Package) String() string {
	return fmt.Sprintf("%s, %.1f MB", strings.Join(p.Files, " + "), float64(p.Size)/1e6)
}

// Read returns the bytes of the zip. A zip that has changed since it was
// written is an error: another run in the same checkout replaced it.
func (p *Package) Read() ([]byte, error) {
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	if encode(sha256.Sum256(data)) != p.CodeSha256 {
		return nil, fmt.Errorf("%s has changed since it was built: run the command again", p.Path)
	}
	return data, nil
}

// Bundle holds the packages of one function.
type Bundle struct {
	Dual      *Package // lambda and bootstrap; nil when there is no lambda
	Bootstrap *Package // bootstrap alone
}

// Write packs the binaries at the two paths into dir/lambda.zip, which carries
// both, and dir/bootstrap.zip. An empty path to lambda leaves out lambda.zip,
// and removes one that an earlier run has left. Each binary is compressed once,
// and none when the zips in dir are made of the same binaries already: a small
// file beside them, by digests, says of what.
func Write(dir, lambda, bootstrap string) (Bundle, error) {
	return write(dir, lambda, bootstrap, recipe())
}

func write(dir, lambda, bootstrap, recipe string) (Bundle, error) {
	dual := filepath.Join(dir, "lambda.zip")
	names, paths := []string{"bootstrap", "lambda"}, []string{bootstrap, lambda}
	if lambda == "" {
		names, paths = names[:1], paths[:1]
		if err := os.Remove(dual); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Bundle{}, err
		}
	}
	if b, ok := reuse(dir, recipe, names, paths); ok {
		return b, nil
	}

	files := make([]File, len(names))
	err := parallel(len(names), func(i int) (err error) {
		files[i], err = Compress(names[i], paths[i])
		return err
	})
	if err != nil {
		return Bundle{}, err
	}
	var b Bundle
	if b.Bootstrap, err = Zip(filepath.Join(dir, "bootstrap.zip"), files[0]); err != nil {
		return Bundle{}, err
	}
	if lambda != "" {
		if b.Dual, err = Zip(dual, files...); err != nil {
			return Bundle{}, err
		}
	}
	return b, remember(dir, recipe, b, files)
}

// File is one file of a zip, compressed.
type File struct {
	header zip.FileHeader
	data   []byte
	sum    [sha256.Size]byte // of the file as it was, not compressed
}

// 2024-01-01 00:00, the timestamp of every file, as MS-DOS writes it: it knows
// no time zone, so it is the same everywhere.
const modifiedDate, modifiedTime = (2024-1980)<<9 | 1<<5 | 1, 0

// level of compression. Of those that are several times faster than Info-ZIP, the
// highest whose zips of Go programs are less than a twentieth larger than its.
const level = 6

// Compress reads the binary at path into a file that can be put into any
// number of zips under the name.
func Compress(name, path string) (File, error) {
	in, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	var out bytes.Buffer
	if info, err := in.Stat(); err == nil {
		out.Grow(int(info.Size() / 2)) // what binaries shrink to, and less
	}
	crc, sum := crc32.NewIEEE(), sha256.New()
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		return File{}, err
	}
	size, err := io.Copy(io.MultiWriter(w, crc, sum), in)
	if err := errors.Join(err, w.Close()); err != nil {
		return File{}, fmt.Errorf("compressing %s: %w", path, err)
	}
	header := zip.FileHeader{
		Name:               name,
		ReaderVersion:      20,
		Method:             zip.Deflate,
		ModifiedDate:       modifiedDate,
		ModifiedTime:       modifiedTime,
		CRC32:              crc.Sum32(),
		CompressedSize64:   uint64(out.Len()),
		UncompressedSize64: uint64(size),
	}
	header.SetMode(0o755)
	return File{header, out.Bytes(), [sha256.Size]byte(sum.Sum(nil))}, nil
}

// Zip writes the files, sorted by name, as the zip at path. It refuses what
// would unpack to more than MaxUnzipped. The zip appears under its name only
// when it is whole.
func Zip(path string, files ...File) (*Package, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int {
		return strings.Compare(a.header.Name, b.header.Name)
	})
	p := &Package{Path: path}
	for _, f := range files {
		p.Files = append(p.Files, f.header.Name)
		p.Unzipped += int64(f.header.UncompressedSize64)
	}
	if p.Unzipped > MaxUnzipped {
		return nil, fmt.Errorf("%s would unpack to %.1f MB (%s); Lambda's limit is %d MB",
			path, float64(p.Unzipped)/(1<<20), strings.Join(p.Files, " + "), MaxUnzipped>>20)
	}
	sum := sha256.New()
	err := replace(path, func(out *os.File) error {
		w := zip.NewWriter(io.MultiWriter(out, sum))
		for _, f := range files {
			header := f.header
			body, err := w.CreateRaw(&header)
			if err != nil {
				return err
			}
			if _, err := body.Write(f.data); err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		size, err := out.Seek(0, io.SeekCurrent)
		p.Size = size
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	p.CodeSha256 = encode([sha256.Size]byte(sum.Sum(nil)))
	return p, nil
}

// replace writes the file by way of a temporary one, so that nobody ever sees
// half of it.
func replace(path string, write func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = write(tmp)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// encode writes a zip's digest as Lambda reports it.
func encode(sum [sha256.Size]byte) string { return base64.StdEncoding.EncodeToString(sum[:]) }

func parallel(n int, do func(int) error) error {
	var group errgroup.Group
	for i := range n {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}
