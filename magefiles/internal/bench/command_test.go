package bench

import (
	"os"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	u, err := command{args: []string{"go", "list", "std"}, dir: dir, env: os.Environ()}.run(t.Context())
	if err != nil || !strings.Contains(u.stdout, "\narchive/zip\n") || u.stderr != "" || u.first != 0 || u.took <= 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if highWater(os.Getpid()) > 0 && u.peak < 4<<20 {
		t.Errorf("go list has had %d bytes of memory", u.peak)
	}

	u, err = command{args: []string{"go", "run", "./gone"}, dir: dir, env: os.Environ()}.run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "go run: exit status 1\n") || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("error %v", err)
	}
	if u.first <= 0 || u.first > u.took {
		t.Errorf("the first byte came after %v of %v", u.first, u.took)
	}
}

func TestTail(t *testing.T) {
	if got := tail(strings.Repeat("line\n", 100) + "last\n"); got != strings.Repeat("line\n", 19)+"last" {
		t.Errorf("got %q", got)
	}
}
