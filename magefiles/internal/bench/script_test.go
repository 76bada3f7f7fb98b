package bench

import (
	"os"
	"strings"
	"testing"
)

func TestScript(t *testing.T) {
	f := &fleet{dir: t.TempDir()}
	list := []string{"go", "list", "std"}
	x, err := script{f, os.Environ(), [][]string{list, list}}.run(t.Context())
	if err != nil || strings.Count(x.stdout, "\narchive/zip\n") != 2 || x.stderr != "" || x.first != 0 || x.wall <= 0 || x.cpu <= 0 {
		t.Errorf("%+v, %v", x, err)
	}
	if peakMemory(os.Getpid()) > 0 && x.peak < 4<<20 {
		t.Errorf("go list takes %d bytes of memory", x.peak)
	}

	x, err = script{f, os.Environ(), [][]string{{"go", "run", "./gone"}, list}}.run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "go run: exit status 1\n") || !strings.Contains(err.Error(), "go.mod") || x.stdout != "" {
		t.Errorf("%+v, %v", x, err)
	}
	if x.first <= 0 || x.first > x.wall {
		t.Errorf("the first byte arrived after %v of %v", x.first, x.wall)
	}

	f.write("", "not a file")
	if _, err := (script{f, os.Environ(), [][]string{list}}).run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "writing a fleet: ") {
		t.Errorf("error %v, want that the fleet cannot be written", err)
	}
}

func TestTail(t *testing.T) {
	if got := tail(strings.Repeat("line\n", 100) + "last\n"); got != strings.Repeat("line\n", 19)+"last" {
		t.Errorf("got %q", got)
	}
}

func TestThrottlingErrors(t *testing.T) {
	stderr := "f1: done\nf2: FAILED: TooManyRequestsException: Rate exceeded\nretrying: throttled\n"
	if n := throttlingErrors(stderr); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}
