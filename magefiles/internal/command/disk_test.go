package command

import (
	"fmt"
	"io/fs"
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
