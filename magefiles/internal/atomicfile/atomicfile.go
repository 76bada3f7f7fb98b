// Package atomicfile writes files so that nobody ever sees half of one.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes data the content of the file at path in one step, by way of a
// temporary file beside it. A file that is there keeps its mode, and a symbolic
// link is followed; a new one gets mode 0644.
func Replace(path string, data []byte) error {
	mode := fs.FileMode(0o644)
	switch target, err := filepath.EvalSymlinks(path); {
	case err == nil:
		info, err := os.Stat(target)
		if err != nil {
			return err
		}
		path, mode = target, info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // unless it has become the file
	_, err = temp.Write(data)
	if err := errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
