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
	if codeSha256(data) != p.CodeSha256 {
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
// and removes one that an earlier run has left. Each binary is compressed once.
func Write(dir, lambda, bootstrap string) (Bundle, error) {
	second, err := Compress("bootstrap", bootstrap)
	if err != nil {
		return Bundle{}, err
	}
	var b Bundle
	if b.Bootstrap, err = Zip(filepath.Join(dir, "bootstrap.zip"), second); err != nil {
		return Bundle{}, err
	}
	dual := filepath.Join(dir, "lambda.zip")
	if lambda == "" {
		if err := os.Remove(dual); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Bundle{}, err
		}
		return b, nil
	}
	first, err := Compress("lambda", lambda)
	if err != nil {
		return Bundle{}, err
	}
	b.Dual, err = Zip(dual, first, second)
	return b, err
}

// File is one file of a zip, compressed.
type File struct {
	header zip.FileHeader
	data   []byte
}

// 2024-01-01 00:00, the timestamp of every file, as MS-DOS writes it: it knows
// no time zone, so it is the same everywhere.
const modifiedDate, modifiedTime = (2024-1980)<<9 | 1<<5 | 1, 0

// Compress reads the binary at path into a file that can be put into any
// number of zips under the name.
func Compress(name, path string) (File, error) {
	in, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	var out bytes.Buffer
	sum := crc32.NewIEEE()
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return File{}, err
	}
	size, err := io.Copy(io.MultiWriter(w, sum), in)
	if err := errors.Join(err, w.Close()); err != nil {
		return File{}, fmt.Errorf("compressing %s: %w", path, err)
	}
	header := zip.FileHeader{
		Name:               name,
		ReaderVersion:      20,
		Method:             zip.Deflate,
		ModifiedDate:       modifiedDate,
		ModifiedTime:       modifiedTime,
		CRC32:              sum.Sum32(),
		CompressedSize64:   uint64(out.Len()),
		UncompressedSize64: uint64(size),
	}
	header.SetMode(0o755)
	return File{header: header, data: out.Bytes()}, nil
}

// Zip writes the files, sorted by name, as the zip at path. It refuses what
// would unpack to more than MaxUnzipped. The zip appears under its name only
// when it is whole.
func Zip(path string, files ...File) (*Package, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int {
		return strings.Compare(a.header.Name, b.header.Name)
	})
	p := &Package{Path: path}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		p.Files = append(p.Files, f.header.Name)
		p.Unzipped += int64(f.header.UncompressedSize64)
		header := f.header
		body, err := w.CreateRaw(&header)
		if err == nil {
			_, err = body.Write(f.data)
		}
		if err != nil {
			return nil, fmt.Errorf("zipping %s: %w", path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("zipping %s: %w", path, err)
	}
	if p.Unzipped > MaxUnzipped {
		return nil, fmt.Errorf("%s would unpack to %.1f MB (%s); Lambda's limit is %d MB",
			path, float64(p.Unzipped)/(1<<20), strings.Join(p.Files, " + "), MaxUnzipped>>20)
	}
	p.CodeSha256, p.Size = codeSha256(out.Bytes()), int64(out.Len())
	return p, replace(path, out.Bytes())
}

// replace writes the file by way of a temporary one, so that nobody ever sees
// half of it.
func replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func codeSha256(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}
