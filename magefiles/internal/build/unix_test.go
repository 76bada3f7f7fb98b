//go:build unix

package build

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestSameBytesForAnotherUser builds with another umask, home and name.
func TestSameBytesForAnotherUser(t *testing.T) {
	want := sums(t, build(t, module(t, simple()), &Function{Name: "a"})[0])

	root := module(t, simple())
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} { // what HOME decides, to save the time
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, strings.TrimSpace(string(value)))
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("USER", "somebody")
	defer syscall.Umask(syscall.Umask(0o077))
	got := sums(t, build(t, root, &Function{Name: "a"})[0])
	for _, binary := range both {
		if got[binary] != want[binary] {
			t.Errorf("%s has other bytes", binary)
		}
	}
}
