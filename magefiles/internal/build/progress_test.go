package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLook counts binaries as the go command writes and touches them.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	since := time.Now().Truncate(time.Second)
	files := map[string]bool{}
	for _, name := range []string{"new", "old", "missing"} {
		files[filepath.Join(dir, name)] = false
	}
	write := func(name string, at time.Time) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	want := func(n int) {
		t.Helper()
		if got := look(files, since); got != n {
			t.Errorf("%d binaries, want %d", got, n)
		}
	}
	write("old", since.Add(-time.Hour))
	want(0)
	write("new", since)
	want(1)
	write("old", since.Add(time.Second)) // touched
	want(2)
	os.Remove(filepath.Join(dir, "new")) // a damaged one is built once more
	want(2)
}

func TestWatch(t *testing.T) {
	stop := watch(nil, nil)
	stop()
	var calls [][2]int
	stop = watch(func(built, all int) { calls = append(calls, [2]int{built, all}) }, []*unit{{file: "a"}, {file: "b"}, {file: "a"}})
	stop()
	if len(calls) == 0 || calls[0] != [2]int{0, 2} {
		t.Errorf("reported %v, want 0 of 2 first", calls)
	}
}
