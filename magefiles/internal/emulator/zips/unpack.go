package zips

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Limits of what a zip contains. AWS documents none of them. The first keeps a small
// upload from creating millions of files; the others are limits of file systems.
const (
	maxEntries = 20000 // files and directories, also those that only paths mention
	maxName    = 1024  // bytes
	maxElement = 255   // bytes between two slashes
)

// Refusal is the reason why a zip is not accepted, as AWS words it, or in the
// case of what only the emulator refuses, in similar words.
type Refusal string

func (r Refusal) Error() string { return string(r) }

const (
	errBroken = Refusal("Could not unzip uploaded file. Please check your file, then try to upload again.")
	errEmpty  = Refusal("Uploaded file must be a non-empty zip")
)

func badEntry(format string, args ...any) error {
	return Refusal("Could not unzip uploaded file: " + fmt.Sprintf(format, args...) + ".")
}

// unpack unzips a package into a new directory. Files get the modes of the zip
// without the right to write, as on Lambda. After an error the directory is of
// no use.
//
// Lambda keeps symbolic links, as users report. unpack accepts those that stay
// inside the package.
func unpack(content []byte, dir string, maxUnzipped int64) (map[string]file, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	switch {
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, errBroken
	case len(archive.File) == 0:
		return nil, errEmpty
	}
	if err := checkEntries(archive.File, maxUnzipped); err != nil {
		return nil, err
	}
	links, err := readLinks(archive.File)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := store(archive.File, links, dir)
	return files, refusedByHost(err)
}

// store writes the entries into a directory.
func store(entries []*zip.File, links map[string]string, dir string) (map[string]file, error) {
	root, err := os.OpenRoot(dir) // no name leads out of it, even if a check has a gap
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files := map[string]file{}
	for _, entry := range entries {
		name, isDir := strings.CutSuffix(entry.Name, "/")
		parent := path.Dir(name)
		if isDir {
			parent = name
		}
		if err := root.MkdirAll(parent, 0o700); err != nil {
			return nil, err
		}
		if isDir {
			continue
		}
		if target, ok := links[name]; ok {
			if err := root.Symlink(target, name); err != nil {
				return nil, err
			}
			files[name] = file{mode: 0o777, size: int64(len(target)), link: path.Join(parent, target)}
			continue
		}
		if err := extract(root, entry); err != nil {
			return nil, err
		}
		f := file{mode: entry.Mode().Perm(), size: int64(entry.UncompressedSize64)}
		if f.mode&0o111 != 0 {
			where := filepath.Join(dir, name)
			f.machine, f.script = machineOf(where), scriptOf(where, f.size)
		}
		files[name] = f
	}
	return files, protect(dir)
}

// protect takes the right to write from the directories of a tree.
func protect(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o555)
		}
		return err
	})
}

// checkEntries refuses entries that must not be in a package, before anything
// is written.
func checkEntries(entries []*zip.File, maxUnzipped int64) error {
	if len(entries) > maxEntries {
		return badEntry("the zip has %d entries, and the emulator accepts at most %d", len(entries), maxEntries)
	}
	names := tree{}
	left := uint64(maxUnzipped)
	for _, entry := range entries {
		name, isDir := strings.CutSuffix(entry.Name, "/")
		switch {
		case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00"):
			return badEntry("entry %q is not a plain relative path", entry.Name)
		case len(name) > maxName:
			return badEntry("the name of entry %.60q… is longer than %d bytes", entry.Name, maxName)
		case longest(name) > maxElement:
			return badEntry("a part of the path of entry %.60q… is longer than %d bytes", entry.Name, maxElement)
		case isDir != entry.Mode().IsDir() || !isDir && !entry.Mode().IsRegular() && entry.Mode()&fs.ModeType != fs.ModeSymlink:
			return badEntry("entry %q is not a regular file or a symbolic link", entry.Name)
		case entry.Flags&1 != 0:
			return badEntry("entry %q is encrypted", entry.Name)
		case isDir && entry.UncompressedSize64 != 0:
			return badEntry("directory %q has content", entry.Name)
		case entry.UncompressedSize64 >= left: // archive/zip reads no more than that
			return Refusal(fmt.Sprintf("Unzipped size must be smaller than %d bytes", maxUnzipped))
		}
		if err := names.add(entry.Name); err != nil {
			return err
		}
		left -= entry.UncompressedSize64
	}
	return nil
}

// longest returns the length of the longest element of a path in bytes.
func longest(name string) (n int) {
	for element := range strings.SplitSeq(name, "/") {
		n = max(n, len(element))
	}
	return n
}

// tree is what a zip contains, by name: its entries, and the directories that their
// paths imply.
type tree map[string]node

type node struct {
	isDir bool
	child string // the entry that implies a directory, "" for an entry
}

// add adds an entry, or returns why it cannot be beside the others.
func (t tree) add(entry string) error {
	name, isDir := strings.CutSuffix(entry, "/")
	switch old, exists := t[name]; {
	case exists && old.child == "":
		return badEntry("entry %q is a duplicate", entry)
	case exists && !isDir:
		return badEntry("entry %q is in %q, which is a file", old.child, name)
	}
	t[name] = node{isDir: isDir}
	for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
		known, exists := t[parent]
		if exists && !known.isDir {
			return badEntry("entry %q is in %q, which is a file", name, parent)
		}
		if exists {
			break // and so are its parents
		}
		t[parent] = node{isDir: true, child: name}
	}
	if len(t) > maxEntries {
		return badEntry("the zip has more than %d files and directories, the most that the emulator accepts", maxEntries)
	}
	return nil
}

// refusedByHost turns the error of a file system that does not take a name into a
// refusal: names may be shorter there, or not distinguish upper and lower case.
func refusedByHost(err error) error {
	var name string
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		name = e.Path
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		name = e.New
	}
	for _, reason := range []error{syscall.ENAMETOOLONG, syscall.EILSEQ, syscall.EINVAL, syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST} {
		if name != "" && errors.Is(err, reason) {
			return badEntry("this machine cannot store %.60q: %v", name, reason)
		}
	}
	return err
}

// maxTarget is the maximum length of the target of a symbolic link.
const maxTarget = 1024

// readLinks returns the targets of the symbolic links by name. It refuses a target
// that is not inside the package.
func readLinks(entries []*zip.File) (map[string]string, error) {
	links := map[string]string{}
	for _, entry := range entries {
		if entry.Mode()&fs.ModeType != fs.ModeSymlink {
			continue
		}
		in, err := entry.Open()
		if err != nil {
			return nil, errBroken
		}
		target, err := io.ReadAll(io.LimitReader(in, maxTarget+1))
		in.Close()
		inside := path.Join(path.Dir(entry.Name), string(target))
		switch {
		case err != nil:
			return nil, errBroken
		case len(target) == 0 || len(target) > maxTarget || path.IsAbs(string(target)) || !fs.ValidPath(inside) || strings.ContainsAny(string(target), "\\\x00"):
			return nil, badEntry("entry %q is a symbolic link to %.60q, which is not inside the package", entry.Name, target)
		}
		links[entry.Name] = string(target)
	}
	return links, nil
}

func extract(root *os.Root, entry *zip.File) error {
	in, err := entry.Open()
	if err != nil {
		return errBroken
	}
	defer in.Close()
	out, err := root.OpenFile(entry.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if _, disk := errors.AsType[*fs.PathError](err); err != nil && !disk {
		err = errBroken // in reading the zip
	}
	// The owner can always read, or the emulator could not.
	return cmp.Or(err, out.Chmod(entry.Mode().Perm()&^0o222|0o400), out.Close())
}
