package lab

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"

	"github.com/klauspost/compress/flate"
)

// comment is the comment of the zips: dualboot recognizes its own by one.
const comment = "dualboot probe"

// Entry is a file of a zip.
type Entry struct {
	Name string
	// Content is the content. With Link it is the target of a symbolic link.
	Content string
	Link    bool
	// Program makes the entry the function's binary.
	Program bool
	// Executable gives the mode 0755 instead of 0644.
	Executable bool
	// Random is a number of bytes that do not compress, instead of Content.
	Random int
	// Damaged notes a wrong checksum in the zip.
	Damaged bool
}

// compressed is the content of a file as zips contain it.
type compressed struct {
	data   []byte
	method uint16
	crc    uint32
	size   uint64 // uncompressed, in bytes
}

func compressFile(path string) (compressed, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return compressed{}, err
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return compressed{}, err
	}
	if _, err := w.Write(content); err != nil {
		return compressed{}, err
	}
	err = w.Close()
	return compressed{out.Bytes(), zip.Deflate, crc32.ChecksumIEEE(content), uint64(len(content))}, err
}

func stored(content []byte) compressed {
	return compressed{content, zip.Store, crc32.ChecksumIEEE(content), uint64(len(content))}
}

// random returns bytes that do not compress and are the same in every run.
func random(n int) []byte {
	content := make([]byte, n)
	// ChaCha8's Read never fails.
	_, _ = io.ReadFull(rand.NewChaCha8([32]byte{}), content)
	return content
}

// Zip returns a zip of the entries.
func (r *Run) Zip(entries ...Entry) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		content, mode := stored([]byte(e.Content)), fs.FileMode(0o644)
		switch {
		case e.Program:
			content = r.program
		case e.Random > 0:
			content = stored(random(e.Random))
		}
		if e.Program || e.Executable {
			mode = 0o755
		}
		if e.Link {
			mode = fs.ModeSymlink | 0o777
		}
		if e.Damaged {
			content.crc ^= 1
		}
		header := &zip.FileHeader{
			Name: e.Name, Method: content.method, CRC32: content.crc,
			CompressedSize64: uint64(len(content.data)), UncompressedSize64: content.size,
		}
		header.SetMode(mode)
		entry, err := w.CreateRaw(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(content.data); err != nil {
			return nil, err
		}
	}
	if err := w.SetComment(comment); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// Code returns the entries of ordinary code with a mark: the program as
// bootstrap, and the mark.
func Code(mark string) []Entry {
	return []Entry{{Name: "bootstrap", Program: true}, {Name: "mark", Content: mark}}
}

// Sized returns a zip of ordinary code that has exactly so many bytes.
func (r *Run) Sized(size int) ([]byte, error) {
	padded := func(n int) ([]byte, error) { return r.Zip(append(Code("A"), Entry{Name: "padding", Random: n})...) }
	least, err := padded(1)
	if err != nil {
		return nil, err
	}
	return padded(size - len(least) + 1)
}

// HasComment reports whether the bytes of a zip end with the comment that Zip
// writes.
func HasComment(zip []byte) bool {
	tail := binary.LittleEndian.AppendUint16(nil, uint16(len(comment)))
	return bytes.HasSuffix(zip, append(tail, comment...))
}
