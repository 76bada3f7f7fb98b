package emulator

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// maxUnzipped is how many bytes a package may have unzipped.
	//
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxUnzipped = 262144000

	// maxEntries is how many entries a zip may have. AWS documents no such
	// limit; this one keeps a small upload from making millions of files.
	maxEntries = 20000
)

// unpack unzips a package into a new directory, with the modes that the zip
// gives but without the right to write, as in Lambda. On an error nothing
// useful is left in the directory.
//
// Symbolic links, which AWS takes, are refused: a link is the classic way out
// of the directory, and the packages at hand are a file or two.
func unpack(content []byte, dir string) (map[string]packedFile, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, brokenZip()
	}
	if len(archive.File) == 0 {
		return nil, emptyZip()
	}
	if err := checkEntries(archive.File); err != nil {
		return nil, err
	}

	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir) // a second lock: no name leads out of dir
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files := map[string]packedFile{}
	left := int64(maxUnzipped)
	for _, entry := range archive.File {
		name := strings.TrimSuffix(entry.Name, "/")
		if entry.Mode().IsDir() {
			if err := root.MkdirAll(name, 0o700); err != nil {
				return nil, err
			}
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return nil, err
		}
		n, err := extract(root, entry, left)
		if err != nil {
			return nil, err
		}
		left -= n
		file := packedFile{mode: entry.Mode().Perm()}
		if file.mode&0o111 != 0 {
			file.machine = machineOf(filepath.Join(dir, name))
		}
		files[name] = file
	}
	return files, protect(dir, files)
}

// checkEntries refuses what must not be in a package, before anything is written.
func checkEntries(entries []*zip.File) error {
	if len(entries) > maxEntries {
		return badEntry("there are %d entries, and the emulator takes %d", len(entries), maxEntries)
	}
	kinds := map[string]bool{} // name → is a directory
	var size uint64
	for _, entry := range entries {
		name, isDir := strings.CutSuffix(entry.Name, "/")
		switch {
		case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00"):
			return badEntry("entry %q is not a plain relative path", entry.Name)
		case len(name) > 1024:
			return badEntry("the name of entry %.60q… is longer than 1024 bytes", entry.Name)
		case isDir != entry.Mode().IsDir() || !isDir && !entry.Mode().IsRegular():
			return badEntry("entry %q is not a regular file", entry.Name)
		case entry.Flags&1 != 0:
			return badEntry("entry %q is encrypted", entry.Name)
		case isDir && entry.UncompressedSize64 != 0:
			return badEntry("directory %q has content", entry.Name)
		}
		if _, twice := kinds[name]; twice {
			return badEntry("entry %q is there twice", entry.Name)
		}
		kinds[name] = isDir
		// Header sizes can lie; extract counts for itself. The sum cannot wrap:
		// it stops at the first step over the limit, and each is checked alone.
		if entry.UncompressedSize64 > maxUnzipped {
			return tooLargeUnzipped()
		}
		if size += entry.UncompressedSize64; size > maxUnzipped {
			return tooLargeUnzipped()
		}
	}
	for name := range kinds {
		for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
			if isDir, there := kinds[parent]; there && !isDir {
				return badEntry("entry %q is in %q, which is a file", name, parent)
			}
		}
	}
	return nil
}

// extract writes one file and answers its size. More than left bytes are too many.
func extract(root *os.Root, entry *zip.File, left int64) (int64, error) {
	in, err := entry.Open()
	if err != nil {
		return 0, brokenZip()
	}
	defer in.Close()
	out, err := root.OpenFile(entry.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // on a file system that ignores case
		return 0, badEntry("entry %q is there twice", entry.Name)
	}
	if err != nil {
		return 0, err
	}
	body := &readFailure{r: in}
	n, err := io.Copy(out, io.LimitReader(body, left+1))
	if closed := out.Close(); err == nil {
		err = closed
	}
	switch {
	case body.err != nil:
		return 0, brokenZip()
	case err != nil:
		return 0, err
	case n > left:
		return 0, tooLargeUnzipped()
	}
	return n, nil
}

// readFailure tells the failures of reading from those of writing.
type readFailure struct {
	r   io.Reader
	err error
}

func (f *readFailure) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// protect gives files the modes of the zip and takes the right to write away.
// The owner can always read, or the server itself could not.
func protect(dir string, files map[string]packedFile) error {
	for name, file := range files {
		if err := os.Chmod(filepath.Join(dir, name), file.mode&^0o222|0o400); err != nil {
			return err
		}
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o555)
		}
		return err
	})
}

func brokenZip() *apiError {
	return invalidParameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

func emptyZip() *apiError {
	return invalidParameter("Uploaded file must be a non-empty zip")
}

func tooLargeUnzipped() *apiError {
	return invalidParameter("Unzipped size must be smaller than %d bytes", maxUnzipped)
}

func badEntry(format string, args ...any) *apiError {
	return invalidParameter("Could not unzip uploaded file: %s.", fmt.Sprintf(format, args...))
}
