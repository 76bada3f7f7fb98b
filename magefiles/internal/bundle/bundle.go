// Package bundle writes deployment packages: zips whose bytes depend only on the
// names, modes and content of the files in them. It also finds the files that a
// package includes besides its binaries, and reads the directory of a deployed
// zip.
package bundle

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// The names of a function's zips.
const (
	DualZip      = "lambda.zip"
	BootstrapZip = "bootstrap.zip"
)

// Entry is a file of a zip.
type Entry struct {
	Name string      // in the zip, with slashes
	Path string      // of the file on disk
	Mode fs.FileMode // 0755 or 0644
	Link string      // the target of a symbolic link, which has no Path and Mode
}

// origin says where the content of the entry comes from.
func (e Entry) origin() string {
	if e.Link != "" {
		return "a symbolic link to " + e.Link
	}
	return e.Path
}

// Spec describes a zip to write.
type Spec struct {
	File         string // DualZip or BootstrapZip
	Legacy       string // the name of the entry that go1.x starts, or "" if there is none
	Architecture string // of the binaries
	Entries      []Entry

	// Unmarked leaves out the mark, without which dualboot takes the zip for the
	// one of another tool, with any executables.
	Unmarked bool
}

// sorted returns the spec with its entries sorted by name.
func (s Spec) sorted() Spec {
	s.Entries = slices.SortedFunc(slices.Values(s.Entries), byName)
	return s
}

func byName(a, b Entry) int { return cmp.Compare(a.Name, b.Name) }

// check returns an error if Lambda could not unpack the zip, or start what is in
// it.
func (s Spec) check() error {
	files := map[string]Entry{}
	for _, e := range s.Entries {
		if !validName(e.Name) {
			return fmt.Errorf("%s cannot hold %s as %q: Lambda unpacks names such as %q only", s.File, e.origin(), e.Name, "dir/file")
		}
		if other, ok := files[e.Name]; ok {
			return fmt.Errorf("%s would hold two files named %q: %s and %s; leave one out of include", s.File, e.Name, other.origin(), e.origin())
		}
		files[e.Name] = e
	}
	for _, e := range s.Entries {
		for dir := path.Dir(e.Name); dir != "."; dir = path.Dir(dir) {
			if file, ok := files[dir]; ok {
				return fmt.Errorf("%s would hold %q as a file (%s) and as the directory of %q (%s); leave one out of include",
					s.File, dir, file.origin(), e.Name, e.origin())
			}
		}
		if _, ok := files[path.Join(path.Dir(e.Name), e.Link)]; e.Link != "" && (!ok || path.IsAbs(e.Link)) {
			return fmt.Errorf("%s would hold %q as a symbolic link to %q, which is not in it", s.File, e.Name, e.Link)
		}
	}
	for _, name := range []string{lambda.Bootstrap, cmp.Or(s.Legacy, lambda.Bootstrap)} {
		if s.Unmarked {
			break
		}
		if e, ok := files[name]; !ok || e.Link == "" && e.Mode != 0o755 {
			return fmt.Errorf("%s would hold no executable %q", s.File, name)
		}
	}
	return s.measure()
}

// validName reports whether Lambda can unpack a file of that name where it
// belongs.
func validName(name string) bool {
	return name != "." && fs.ValidPath(name) && !strings.Contains(name, `\`)
}

// measure returns an error if Lambda would refuse the unzipped size.
func (s Spec) measure() error {
	var total, most int64
	var largest Entry
	for _, e := range s.Entries {
		size := int64(len(e.Link))
		if e.Link == "" {
			info, err := os.Stat(e.Path)
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return fmt.Errorf("%s cannot hold %s: it is not a regular file", s.File, e.Path)
			}
			size = info.Size()
		}
		total += size
		if size > most {
			most, largest = size, e
		}
	}
	if total < lambda.MaxUnzipped {
		return nil
	}
	return fmt.Errorf("%s would unzip to %s; Lambda accepts less than %s; the largest file is %s with %s",
		s.File, text.Bytes(total), text.Bytes(lambda.MaxUnzipped), largest.Name, text.Size(most))
}

// mark is the first word of the comment of every zip that dualboot makes. The
// name of the file that go1.x starts follows, if there is one.
const mark = "dualboot"

// comment returns the comment of the zip.
func (s Spec) comment() string {
	switch {
	case s.Unmarked:
		return ""
	case s.Legacy == "":
		return mark
	}
	return mark + " " + s.Legacy
}

// parseComment reports whether dualboot made a zip with that comment, and returns
// the name of the file that go1.x starts. Of a zip that was made from a deployed one
// it also returns the digest of the directory.
func parseComment(comment string) (legacy, digest string, made bool) {
	if comment == mark {
		return "", "", true
	}
	legacy, made = strings.CutPrefix(comment, mark+" ")
	if !made {
		return "", "", false
	}
	if rest, ok := strings.CutPrefix(legacy, from); ok {
		digest, legacy, _ = strings.Cut(rest, " ")
	}
	return legacy, digest, true
}

// zoned ends the digest of a zip to which a time zone database was added.
const zoned = "+" + lambda.ZonesFile

// from follows the mark in the comment of a zip that was made from a deployed one. Its
// files have their own times, so the digest of the directory, which comes next,
// tells whether another tool has changed it.
const from = "deployed:"

// derivedComment returns the comment of a zip with that directory, which was made
// from a deployed one.
func derivedComment(headers []*zip.FileHeader, legacy string, zones bool) string {
	digest := directoryDigest(headers)
	if zones {
		digest += zoned
	}
	return strings.TrimSuffix(mark+" "+from+digest+" "+legacy, " ")
}
