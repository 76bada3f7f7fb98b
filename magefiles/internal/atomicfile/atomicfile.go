// Package atomicfile writes files that appear only when they are complete.
//
// It writes to a temporary file in the same directory, which it then renames or
// links. A process that is killed in between leaves the temporary file behind;
// see [Clean].
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/robustio"
)

// Replace writes data to the file at path and flushes it to disk. See
// [ReplaceFunc].
func Replace(path string, data []byte) error {
	return ReplaceFunc(path, content(data))
}

// ReplaceFunc writes the file at path: write produces its content, and need not
// close the file. If write fails, the file stays as it is. Only write can flush
// the content to disk, with [os.File.Sync].
//
// An existing file keeps its permissions, and a symbolic link is followed. A new
// file has the permissions 0644 before umask.
func ReplaceFunc(path string, write func(*os.File) error) error {
	target, mode, err := resolve(path)
	if err != nil {
		return err
	}
	temp, err := writeTemp(target, mode, write)
	if err != nil {
		return err
	}
	// On Windows, a rename fails for as long as another process has the file
	// open; robustio tries for two seconds.
	if err := robustio.Rename(temp, target); err != nil {
		os.Remove(temp)
		return err
	}
	return nil
}

// Check returns the error that [ReplaceFunc] would meet at path as things are. It
// writes nothing but a temporary file, which it removes.
func Check(path string) error {
	target, _, err := resolve(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("not a regular file")}
	}
	temp, err := writeTemp(target, 0, func(*os.File) error { return nil })
	if err != nil {
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err // the path is a temporary one
		}
		return &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return os.Remove(temp)
}

// resolve returns the file that path leads to and its permissions, or path and 0
// if there is none.
func resolve(path string) (target string, mode fs.FileMode, err error) {
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", 0, err
	}
	return target, info.Mode().Perm(), nil
}

// Create writes data to a new file at path and flushes it to disk. See
// [CreateFunc].
func Create(path string, data []byte) error {
	return CreateFunc(path, content(data))
}

// CreateFunc is like [ReplaceFunc] for a file that must not exist: if there is
// anything at path, even a dangling symbolic link, it stays as it is and the
// error is [fs.ErrExist]. On file systems without hard links, the file may
// appear empty for a moment.
func CreateFunc(path string, write func(*os.File) error) error {
	temp, err := writeTemp(path, 0, write)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	switch err := os.Link(temp, path); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return renameNew(temp, path) // the file system may lack hard links
}

// renameNew renames temp to path, which must not exist.
func renameNew(temp, path string) error {
	reserved, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(reserved.Close(), robustio.Rename(temp, path)); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}

// Link makes path another name of the file at source: a hard link, or a copy on
// file systems without hard links. It replaces what is at path.
func Link(source, path string) error {
	if same(source, path) {
		return nil
	}
	temp := tempFor(path)
	if os.Link(source, temp) != nil {
		return ReplaceFunc(path, func(f *os.File) error {
			in, err := os.Open(source)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(f, in)
			return err
		})
	}
	err := robustio.Rename(temp, path)
	os.Remove(temp) // another run may have linked path, and then the rename does nothing
	return err
}

// same reports whether both paths lead to the same file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// tempFor returns the name of a new temporary file beside path.
func tempFor(path string) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.dualboot-%s", filepath.Base(path), rand.Text()))
}

// tempName matches the names of temporary files.
var tempName = regexp.MustCompile(`^\..+\.dualboot-[A-Z2-7]{26}$`)

// writeTemp writes a temporary file beside path, with the permissions mode, or
// 0644 before umask if mode is 0.
func writeTemp(path string, mode fs.FileMode, write func(*os.File) error) (name string, err error) {
	name = tempFor(path)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return "", &fs.PathError{Op: "create", Path: path, Err: cause.Err} // the file that is asked for, not the temporary one
	}
	if err != nil {
		return "", err
	}
	err = write(f)
	if err == nil && mode != 0 {
		err = f.Chmod(mode)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
		return "", err
	}
	return name, nil
}

// content returns the function that writes data and flushes it to disk.
func content(data []byte) func(*os.File) error {
	return func(f *os.File) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		return f.Sync()
	}
}

// Clean removes the temporary files that killed runs left behind in dir. It keeps
// those that were written to within the given age, because they may belong to a
// concurrent run. It does not look into subdirectories. A directory that does
// not exist is clean.
func Clean(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !e.Type().IsRegular() || !tempName.MatchString(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > age {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another run may have removed it
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
