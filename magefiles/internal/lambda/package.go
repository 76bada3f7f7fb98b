package lambda

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// Limits of a deployment package, in bytes. Lambda counts a megabyte as 2^20
// bytes, and accepts only less than the limit: its recorded errors are "Zipped
// size must be smaller than 52428800 bytes" and "Unzipped size must be smaller
// than 262144000 bytes". Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	// MaxZipped limits the zip that UpdateFunctionCode takes in a request: 50 MB.
	// A larger one goes through S3.
	MaxZipped = 50 << 20
	// MaxUnzipped limits the unzipped size of a deployment package with its
	// layers: 250 MB.
	MaxUnzipped = 250 << 20
)

// CodeSha256 returns the digest of a zip as Lambda reports it: the SHA-256 of
// its bytes in standard base64.
func CodeSha256(sum [sha256.Size]byte) string {
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Package is a deployment package on disk: one zip.
type Package struct {
	Path         string
	Architecture string   // that its binaries are built for
	Legacy       string   // the file that go1.x starts, or "" if there is none
	Files        []string // names of the files in the zip, sorted
	Programs     []string `json:",omitzero"` // those of the included ones that are executable, sorted
	CodeSha256   string
	// Replaces is the CodeSha256 of the deployed zip from which this one was made,
	// and the only one that it may replace. It is "" for a package of sources.
	Replaces string `json:",omitempty"`
	// Zones reports that dualboot has added a time zone database to the deployed zip.
	Zones    bool  `json:",omitempty"`
	Size     int64 // of the zip, in bytes
	Unzipped int64 // of the files in it, in bytes
}

// Dual reports whether the package starts on both runtimes.
func (p *Package) Dual() bool { return p.Legacy != "" }

// Contents returns what Lambda has once the package is deployed. Of the executable
// files it marks only the binaries.
func (p *Package) Contents() *Contents {
	c := &Contents{Made: true, Legacy: p.Legacy, Zones: p.Zones}
	for _, name := range p.Files {
		c.Files = append(c.Files, File{Name: name, Executable: name == Bootstrap || name == p.Legacy})
	}
	return c
}

// String returns the files and the size: "bootstrap + lambda, 6.1 MB".
func (p *Package) String() string {
	return p.Contents().String() + ", " + text.Size(p.Size)
}

// Read returns the bytes of the zip. It fails as [Package.Open] does.
func (p *Package) Read() ([]byte, error) {
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	if err := p.verify(sha256.Sum256(data)); err != nil {
		return nil, err
	}
	return data, nil
}

// Open opens the zip. It fails if the bytes no longer match CodeSha256: another
// run in the same checkout has replaced the zip, or it is damaged. Then its time
// changes as well, so that the next run examines it.
func (p *Package) Open() (*os.File, error) {
	file, err := os.Open(p.Path)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	if err == nil {
		err = p.verify([sha256.Size]byte(hash.Sum(nil)))
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// verify compares the digest of the zip with CodeSha256.
func (p *Package) verify(sum [sha256.Size]byte) error {
	if CodeSha256(sum) == p.CodeSha256 {
		return nil
	}
	_ = os.Chtimes(p.Path, time.Time{}, time.Now())
	return fmt.Errorf("%s has changed since it was built: run the command again", p.Path)
}

// Zips are the deployment packages of one function. Packages that were not
// needed are nil.
type Zips struct {
	Dual      *Package // with the file that go1.x starts
	Bootstrap *Package // without it
}

// Find returns the package with the digest, or nil.
func (z Zips) Find(codeSha256 string) *Package {
	for _, p := range []*Package{z.Dual, z.Bootstrap} {
		if p != nil && p.CodeSha256 == codeSha256 {
			return p
		}
	}
	return nil
}

// Contents are the files of a deployed zip.
type Contents struct {
	Files []File // sorted by name; directories without files have a slash at the end
	// Made reports that dualboot made the zip: its comment says so, and no other
	// tool has added files to it.
	Made bool
	// Legacy is the file that go1.x starts in a zip that dualboot made, or "" if
	// there is none.
	Legacy string
	// Zones reports that dualboot has added a time zone database, [ZonesFile].
	Zones bool
}

// BringsZones reports whether the contents have a time zone database, by its name:
// zoneinfo.zip, or a directory such as usr/share/zoneinfo.
func (c *Contents) BringsZones() bool {
	return slices.ContainsFunc(c.Files, func(f File) bool {
		return path.Base(f.Name) == ZonesFile || slices.Contains(strings.Split(path.Dir(f.Name), "/"), "zoneinfo")
	})
}

// File is a file of a deployed zip.
type File struct {
	Name       string
	Executable bool // by its mode; also of a symbolic link
}

// Executable reports whether the contents have an executable file of that name.
func (c *Contents) Executable(name string) bool {
	i, ok := slices.BinarySearchFunc(c.Files, name, func(f File, name string) int { return strings.Compare(f.Name, name) })
	return ok && c.Files[i].Executable
}

// Names returns the names of the files, and nil if c is nil.
func (c *Contents) Names() []string {
	if c == nil {
		return nil
	}
	names := make([]string, len(c.Files))
	for i, f := range c.Files {
		names[i] = f.Name
	}
	return names
}

// String lists the executables, or of a zip that dualboot made the binaries, and
// counts the other files: "bootstrap + lambda + 3 files".
func (c *Contents) String() string {
	var parts []string
	others := 0
	for _, f := range c.Files {
		if f.Executable && (!c.Made || f.Name == Bootstrap || f.Name == c.Legacy) {
			parts = append(parts, f.Name)
		} else {
			others++
		}
	}
	if others > 0 {
		parts = append(parts, text.Count(others, "file"))
	}
	if len(parts) == 0 {
		return "no file"
	}
	return strings.Join(parts, " + ")
}
