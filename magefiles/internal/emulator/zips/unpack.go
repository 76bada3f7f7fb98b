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
)

// maxEntries is the maximum number of entries of a zip. AWS documents no such
// limit; this one keeps a small upload from creating millions of files.
const maxEntries = 20000

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
	links, err := readLinks(archive.File)
	if err == nil {
		err = checkEntries(archive.File, maxUnzipped)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir) // no name leads out of it, even if a check has a gap
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files := map[string]file{}
	for _, entry := range archive.File {
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
			files[name] = file{mode: 0o777, link: path.Join(parent, target)}
			continue
		}
		if err := extract(root, entry); err != nil {
			return nil, err
		}
		f := file{mode: entry.Mode().Perm()}
		if f.mode&0o111 != 0 {
			f.machine = machineOf(filepath.Join(dir, name))
		}
		files[name] = f
	}
	return files, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
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
	directory := map[string]bool{} // by name
	left := uint64(maxUnzipped)
	for _, entry := range entries {
		name, isDir := strings.CutSuffix(entry.Name, "/")
		_, twice := directory[name]
		switch {
		case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00"):
			return badEntry("entry %q is not a plain relative path", entry.Name)
		case len(name) > 1024:
			return badEntry("the name of entry %.60q… is longer than 1024 bytes", entry.Name)
		case isDir != entry.Mode().IsDir() || !isDir && !entry.Mode().IsRegular() && entry.Mode()&fs.ModeType != fs.ModeSymlink:
			return badEntry("entry %q is not a regular file or a symbolic link", entry.Name)
		case entry.Flags&1 != 0:
			return badEntry("entry %q is encrypted", entry.Name)
		case isDir && entry.UncompressedSize64 != 0:
			return badEntry("directory %q has content", entry.Name)
		case twice:
			return badEntry("entry %q is a duplicate", entry.Name)
		case entry.UncompressedSize64 >= left: // archive/zip reads no more than that
			return Refusal(fmt.Sprintf("Unzipped size must be smaller than %d bytes", maxUnzipped))
		}
		directory[name] = isDir
		left -= entry.UncompressedSize64
	}
	for name := range directory {
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			if isDir, exists := directory[parent]; exists && !isDir {
				return badEntry("entry %q is in %q, which is a file", name, parent)
			}
		}
	}
	return nil
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
	switch {
	case errors.Is(err, fs.ErrExist): // on a file system that ignores case
		return badEntry("entry %q is a duplicate", entry.Name)
	case err != nil:
		return err
	}
	_, err = io.Copy(out, in)
	if _, disk := errors.AsType[*fs.PathError](err); err != nil && !disk {
		err = errBroken // in reading the zip
	}
	// The owner can always read, or the emulator could not.
	return cmp.Or(err, out.Chmod(entry.Mode().Perm()&^0o222|0o400), out.Close())
}
