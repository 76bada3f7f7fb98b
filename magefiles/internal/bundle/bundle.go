// Package bundle writes deployment packages: zips whose bytes depend only on the
// binaries in them. It also reads the directory of a deployed zip.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// File is a file of a zip, compressed.
type File struct {
	header zip.FileHeader
	data   []byte
}

// 2024-01-01 00:00, the time of every file in MS-DOS format, which has no time
// zone and so is the same everywhere.
const modifiedDate, modifiedTime = (2024-1980)<<9 | 1<<5 | 1, 0

// level is the compression level. Of the levels that are several times faster
// than Info-ZIP it is the highest whose zips of Go programs are less than 5 %
// larger than Info-ZIP's.
const level = 6

// Compress reads the binary at path into a file that can be added to any number
// of zips under the name.
func Compress(name, path string) (File, error) {
	in, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	var out bytes.Buffer
	if info, err := in.Stat(); err == nil {
		out.Grow(int(info.Size() / 2)) // binaries shrink to less
	}
	crc := crc32.NewIEEE()
	w, err := flate.NewWriter(&out, level)
	if err != nil {
		return File{}, err
	}
	size, err := io.Copy(io.MultiWriter(w, crc), in)
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
	return File{header, out.Bytes()}, nil
}

// Zip writes the files, sorted by name, to a zip at path. It refuses a zip that
// would unzip to more than [lambda.MaxUnzipped]. The zip appears at path only
// when it is complete.
func Zip(path string, files ...File) (*lambda.Package, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int {
		return strings.Compare(a.header.Name, b.header.Name)
	})
	p := &lambda.Package{Path: path}
	for _, f := range files {
		p.Files = append(p.Files, f.header.Name)
		p.Unzipped += int64(f.header.UncompressedSize64)
	}
	if p.Unzipped > lambda.MaxUnzipped {
		return nil, fmt.Errorf("%s (%s) would unzip to %s; Lambda's limit is %s",
			path, strings.Join(p.Files, " + "), text.Bytes(p.Unzipped), text.Bytes(lambda.MaxUnzipped))
	}
	sum := sha256.New()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	err := atomicfile.ReplaceFunc(path, func(out *os.File) error {
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
	p.CodeSha256 = lambda.CodeSha256([sha256.Size]byte(sum.Sum(nil)))
	return p, nil
}
