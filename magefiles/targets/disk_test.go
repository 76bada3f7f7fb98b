//go:build linux

package targets_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestDisk zips functions where bin is a small disk, and where it is read-only. The
// error is reported once, not for each function.
func TestDisk(t *testing.T) {
	t.Parallel()
	mount := func(options, dir string) *exec.Cmd {
		return exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"`, options, dir)
	}
	if out, err := mount("size=1m", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("this user cannot mount a disk: %v: %s", err, out)
	}
	f := newStub(t, emulator.Options{}, "first", "second", "third")
	if err := os.Mkdir(f.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ options, want string }{
		{"size=3m", "no space is left on the disk; make room for bin and for Go's cache (go clean -cache frees that), and run the command again"},
		{"ro", "the file system is read-only; run the command in a copy of the repository that can be written"},
	} {
		t.Run(test.options, func(t *testing.T) {
			zip := f.command("zip")
			cmd := mount(test.options, f.path("bin"))
			cmd.Args = append(append(cmd.Args, zip.Path), zip.Args[1:]...)
			cmd.Dir, cmd.Env = zip.Dir, zip.Env
			status, _, stderr := result(t, cmd)
			if status != 1 || strings.Count(stderr, test.want) != 1 || strings.Count(stderr, "no space")+strings.Count(stderr, "read-only") != 1 {
				t.Errorf("exit status %d, want 1 and once %q:\n%s", status, test.want, stderr)
			}
		})
	}
}
