package zips

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Merge returns a package with the files of packages that are in use. Where two
// have a file of the same name, the later one's counts. It is nil for none, and the
// package itself for one; others have no zip, and are not found by a digest. The
// caller must release it.
func (s *Store) Merge(parts ...*Package) (*Package, error) {
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		s.Keep(parts[0])
		return parts[0], nil
	}
	var sums []string
	for _, part := range parts {
		sums = append(sums, part.CodeSha256)
	}
	return s.add(strings.Join(sums, " "), 0, func(p *Package) (err error) {
		for _, part := range parts {
			p.unzipped += part.unzipped
		}
		p.files, err = merge(parts, p.Root)
		return err
	})
}

// CheckSize refuses a package and its layers, nil for none, if they are too large
// together. Users report the message.
//
// https://github.com/lambci/git-lambda-layer/issues/27
func (s *Store) CheckSize(p, layers *Package) error {
	if p == nil || layers == nil {
		return nil
	}
	if size := p.unzipped + layers.unzipped; size > s.maxUnzipped {
		return Refusal(fmt.Sprintf("Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.", s.maxUnzipped, size))
	}
	return nil
}

// merge links the files of packages into a new directory.
func merge(parts []*Package, dir string) (map[string]file, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	files := map[string]file{}
	for _, part := range parts {
		err := filepath.WalkDir(part.Root, func(from string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(part.Root, from)
			if err != nil {
				return err
			}
			return mergeEntry(entry, from, filepath.Join(dir, name), filepath.ToSlash(name))
		})
		if err != nil {
			return nil, err
		}
		maps.Copy(files, part.files)
	}
	return files, protect(dir)
}

// mergeEntry puts one file or directory in its place. Assumption: Lambda, whose
// answer is not known, does not merge a file with a directory of that name either.
func mergeEntry(entry fs.DirEntry, from, to, name string) error {
	var err error
	if entry.IsDir() {
		err = os.MkdirAll(to, 0o700)
	} else if err = os.Remove(to); err == nil || errors.Is(err, fs.ErrNotExist) {
		err = linkFile(entry, from, to)
	}
	for _, reason := range []error{syscall.ENOTDIR, syscall.ENOTEMPTY, syscall.EEXIST} {
		if errors.Is(err, reason) {
			return Refusal(fmt.Sprintf("The layers cannot be merged: %q is a file in one and a directory in another.", name))
		}
	}
	return err
}

func linkFile(entry fs.DirEntry, from, to string) error {
	if entry.Type()&fs.ModeSymlink == 0 {
		return os.Link(from, to)
	}
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}
