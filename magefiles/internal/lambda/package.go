package lambda

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// Limits of a deployment package, in bytes. Lambda counts a megabyte as 2^20
// bytes. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	// MaxZipped is the largest zip that UpdateFunctionCode takes in a request:
	// 50 MB.
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
	Path       string
	Files      []string // in the zip, sorted
	CodeSha256 string
	Size       int64 // of the zip, in bytes
	Unzipped   int64 // of the files in it, in bytes
}

// Dual reports whether the zip holds both binaries.
func (p *Package) Dual() bool { return len(p.Files) > 1 }

// String returns the files and the size: "bootstrap + lambda, 6.1 MB".
func (p *Package) String() string {
	return strings.Join(p.Files, " + ") + ", " + text.Size(p.Size)
}

// Read returns the bytes of the zip. It fails if they no longer match
// CodeSha256: another run in the same checkout has replaced the zip, or it is
// damaged. Then its time changes as well, so that the next run examines it.
func (p *Package) Read() ([]byte, error) {
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return nil, err
	}
	if CodeSha256(sha256.Sum256(data)) != p.CodeSha256 {
		_ = os.Chtimes(p.Path, time.Time{}, time.Now())
		return nil, fmt.Errorf("%s has changed since it was built: run the command again", p.Path)
	}
	return data, nil
}

// Zips are the deployment packages of one function.
type Zips struct {
	Dual      *Package // lambda and bootstrap; nil where lambda was not built
	Bootstrap *Package // bootstrap alone
}
