package command

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"example.com/dualboot/magefiles/internal/build"
)

// diskError is an error of the disk, which concerns all functions. Its text is the
// same for all of them, so that it is reported once.
type diskError struct {
	text string
	err  error
}

func (e *diskError) Error() string { return e.text }
func (e *diskError) Unwrap() error { return e.err }

// onDisk returns the error of the disk that caused err, which may be in the output
// of go build, or nil.
func onDisk(err error) error {
	says := func(errno syscall.Errno, text string) bool {
		output, ok := errors.AsType[*build.Error](err)
		return errors.Is(err, errno) || ok && strings.Contains(output.Output, text)
	}
	switch {
	case says(syscall.ENOSPC, "no space left on device"):
		return &diskError{"no space is left on the disk; make room for bin and for Go's cache (go clean -cache frees that), and run the command again", err}
	case says(syscall.EROFS, "read-only file system"):
		return &diskError{"the file system is read-only; run the command in a copy of the repository that can be written", err}
	case denied(err):
		return &diskError{fmt.Sprintf("%v; dualboot writes bin/ beside %s: make that directory writable", err, File), err}
	}
	return nil
}

// denied reports whether a file of bin could not be written for lack of permission.
func denied(err error) bool {
	cause, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(cause, fs.ErrPermission) {
		return false
	}
	bin, err := filepath.Abs("bin")
	if err != nil {
		return false
	}
	file, err := filepath.Abs(cause.Path)
	return err == nil && (file == bin || strings.HasPrefix(file, bin+string(filepath.Separator)))
}
