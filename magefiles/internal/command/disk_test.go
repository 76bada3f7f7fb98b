package command

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
)

// TestDiskErrors checks that a full disk and a read-only file system are reported
// once, whatever the functions were doing.
func TestDiskErrors(t *testing.T) {
	for _, test := range []struct {
		errno  syscall.Errno
		output string
		want   string
	}{
		{syscall.ENOSPC, "write $WORK/b001/_pkg_.a: no space left on device", "no space is left on the disk; make room for bin"},
		{syscall.EROFS, "open bin/.build/x: read-only file system", "the file system is read-only; run the command in a copy"},
	} {
		var functions []*fleet.Function
		add := func(stage fleet.Stage, doing string, err error) {
			f := &fleet.Function{Target: manifest.Target{FunctionName: fmt.Sprintf("f%d", len(functions))}}
			fail(t.Context(), f, stage, doing, err)
			functions = append(functions, f)
		}
		add(fleet.Building, "building", &build.Error{Output: test.output})
		add(fleet.Bundling, "zipping", &fs.PathError{Op: "write", Path: "bin/f1/lambda.zip", Err: test.errno})
		add(fleet.Bundling, "zipping", &fs.PathError{Op: "write", Path: "bin/f2/lambda.zip", Err: test.errno})
		text := fleet.Errors(functions).Error()
		if want := "3 of 3 functions failed:\n  - writing the files of \"f0\", \"f1\", \"f2\": " + test.want; !strings.HasPrefix(text, want) {
			t.Errorf("error\n%s\nwant\n%s…", text, want)
		}
	}
}

// TestDenied checks that only a file of bin is said to be one.
func TestDenied(t *testing.T) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		bin:                    "; dualboot writes bin/ beside lambdas.json: make that directory writable",
		"bin/a/lambda.zip":     "; dualboot writes bin/ beside lambdas.json: make that directory writable",
		"binary":               "",
		"functions/a/page.txt": "",
	} {
		got := ""
		cause := &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
		if err := onDisk(fmt.Errorf("zipping: %w", cause)); err != nil {
			got = strings.TrimPrefix(err.Error(), "zipping: "+cause.Error())
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
