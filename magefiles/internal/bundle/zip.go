package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
)

// 2024-01-01 00:00, the time of every file in MS-DOS format, which has no time
// zone and so is the same everywhere.
const modifiedDate, modifiedTime = (2024-1980)<<9 | 1<<5 | 1, 0

// level is the compression level. Of the levels that are several times faster
// than Info-ZIP it is the highest whose zips of Go programs are less than 5 %
// larger than Info-ZIP's.
const level = 6

// utf8Name is the flag of a name in UTF-8.
const utf8Name = 0x800

// compressed is a file whose content is compressed, in memory or, if it is large,
// in a file on disk.
type compressed struct {
	data     []byte
	path     string // instead of data
	crc      uint32
	size     int64 // of the content, in bytes
	deflated int64 // of the compressed content, in bytes
}

// inMemory is the size in bytes up to which the compressed content of a file is
// kept in memory until its zips are written. It is more than most binaries have.
const inMemory = 24 << 20

// compress compresses the content of a source, a large one to a new file in dir,
// with one of the writers or a new one.
func compress(dir string, s source, writers *sync.Pool) (c compressed, err error) {
	in, size, err := s.open()
	if err != nil {
		return compressed{}, err
	}
	defer in.Close()
	var buffer bytes.Buffer
	var out io.Writer = &buffer
	if size > inMemory {
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			return compressed{}, err
		}
		defer file.Close()
		out, c.path = file, file.Name()
	} else {
		buffer.Grow(int(size / 2)) // binaries shrink to less
	}
	count, crc := &countingWriter{w: out}, crc32.NewIEEE()
	w, ok := writers.Get().(*flate.Writer)
	if ok {
		w.Reset(count)
	} else if w, err = flate.NewWriter(count, level); err != nil {
		return compressed{}, err
	}
	defer writers.Put(w)
	c.size, err = io.Copy(io.MultiWriter(w, crc), in)
	if err := errors.Join(err, w.Close()); err != nil {
		return compressed{}, fmt.Errorf("compressing %s: %w", s.path, err)
	}
	c.data, c.crc, c.deflated = buffer.Bytes(), crc.Sum32(), count.n
	return c, nil
}

// open returns the compressed content.
func (c compressed) open() (io.ReadCloser, error) {
	if c.path == "" {
		return io.NopCloser(bytes.NewReader(c.data)), nil
	}
	return os.Open(c.path)
}

// countingWriter counts the bytes that it writes.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// source is the content of entries.
type source struct {
	path, link string // one of them
	binary     bool   // a binary of the function, which go build has written
}

func (s Spec) source(e Entry) source {
	return source{e.Path, e.Link, e.Link == "" && (e.Name == lambda.Bootstrap || e.Name == s.Legacy)}
}

// open returns the content and its size in bytes.
func (s source) open() (io.ReadCloser, int64, error) {
	if s.link != "" {
		return io.NopCloser(strings.NewReader(s.link)), int64(len(s.link)), nil
	}
	file, err := os.Open(s.path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// header returns the header of an entry with the content c. It writes a symbolic
// link as AWS's build-lambda-zip does. Source:
// https://github.com/aws/aws-lambda-go/blob/main/cmd/build-lambda-zip/main.go
func (e Entry) header(c compressed) *zip.FileHeader {
	h := &zip.FileHeader{
		Name:               e.Name,
		ReaderVersion:      20,
		Method:             zip.Deflate,
		ModifiedDate:       modifiedDate,
		ModifiedTime:       modifiedTime,
		CRC32:              c.crc,
		CompressedSize64:   uint64(c.deflated),
		UncompressedSize64: uint64(c.size),
	}
	if utf8.RuneCountInString(e.Name) < len(e.Name) {
		h.Flags |= utf8Name
	}
	if e.Link != "" {
		h.SetMode(fs.ModeSymlink | 0o755)
	} else {
		h.SetMode(e.Mode)
	}
	return h
}

// write writes the zip at path from the compressed content of its entries. The
// zip appears at path only when it is complete.
func (s Spec) write(path string, content map[source]compressed) (*lambda.Package, error) {
	p := &lambda.Package{Path: path, Architecture: s.Architecture, Legacy: s.Legacy}
	sum := sha256.New()
	err := atomicfile.ReplaceFunc(path, func(out *os.File) error {
		w := zip.NewWriter(io.MultiWriter(out, sum))
		for _, e := range s.Entries {
			c := content[s.source(e)]
			p.Files = append(p.Files, e.Name)
			if e.Mode == 0o755 && e.Name != lambda.Bootstrap && e.Name != s.Legacy {
				p.Programs = append(p.Programs, e.Name)
			}
			p.Unzipped += c.size
			if err := add(w, e.header(c), c); err != nil {
				return err
			}
		}
		if err := errors.Join(w.SetComment(s.comment()), w.Close()); err != nil {
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

// add copies compressed content into a zip.
func add(w *zip.Writer, h *zip.FileHeader, c compressed) error {
	in, err := c.open()
	if err != nil {
		return err
	}
	defer in.Close()
	body, err := w.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(body, in)
	return err
}
