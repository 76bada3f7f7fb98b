package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A writer is a function under test.
type writer struct {
	name  string
	write func(path string, data []byte) error
}

var replacers = []writer{
	{"Replace", Replace},
	{"ReplaceFunc", func(path string, data []byte) error {
		return ReplaceFunc(path, func(f *os.File) error { return writeString(f, string(data)) })
	}},
}

var creators = []writer{
	{"Create", Create},
	{"CreateFunc", func(path string, data []byte) error {
		return CreateFunc(path, func(f *os.File) error { return writeString(f, string(data)) })
	}},
	{"renameNew", func(path string, data []byte) error { // without hard links
		temp, err := writeTemp(path, 0, content(data))
		if err != nil {
			return err
		}
		defer os.Remove(temp)
		return renameNew(temp, path)
	}},
}

func writeString(f *os.File, s string) error {
	_, err := f.WriteString(s)
	return err
}

// makeFile writes a file as os.WriteFile does.
func makeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkContent checks the content of the file at path.
func checkContent(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
	}
}

// checkNames checks the names of the files in dir, separated by spaces.
func checkNames(t *testing.T, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got files %s, want %s", got, want)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestNewFile(t *testing.T) {
	for _, w := range append(replacers, creators...) {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			if err := w.write(file, []byte("new")); err != nil {
				t.Fatal(err)
			}
			checkContent(t, file, "new")
			checkNames(t, dir, "file")
			other := filepath.Join(dir, "other")
			makeFile(t, other, "")
			if got, want := mode(t, file), mode(t, other); got != want {
				t.Errorf("got mode %v, want %v", got, want)
			}
		})
	}
}

func TestReplaceExisting(t *testing.T) {
	for _, w := range replacers {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			makeFile(t, file, "old")
			if err := os.Chmod(file, 0o606); err != nil { // not the result of any umask
				t.Fatal(err)
			}
			before := mode(t, file)
			if err := w.write(file, []byte("new")); err != nil {
				t.Fatal(err)
			}
			checkContent(t, file, "new")
			checkNames(t, dir, "file")
			if got := mode(t, file); got != before {
				t.Errorf("got mode %v, want %v", got, before)
			}
		})
	}
}

func TestReplaceFollowsLink(t *testing.T) {
	for _, w := range replacers {
		t.Run(w.name, func(t *testing.T) {
			dir, links := t.TempDir(), t.TempDir()
			file, link := filepath.Join(dir, "file"), filepath.Join(links, "link")
			makeFile(t, file, "old")
			if err := os.Symlink(file, link); err != nil {
				t.Skipf("no symbolic links: %v", err)
			}
			if err := w.write(link, []byte("new")); err != nil {
				t.Fatal(err)
			}
			checkContent(t, file, "new")
			checkNames(t, dir, "file")
			checkNames(t, links, "link")
			if target, err := os.Readlink(link); err != nil || target != file {
				t.Errorf("the link leads to %q, %v, want %q", target, err, file)
			}
		})
	}
}

// TestReplaceIsAtomic checks that readers see the old or the new content, and
// that an open file keeps the old one.
func TestReplaceIsAtomic(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not replace open files")
	}
	file := filepath.Join(t.TempDir(), "file")
	makeFile(t, file, "old")
	err := ReplaceFunc(file, func(f *os.File) error {
		if err := writeString(f, "ne"); err != nil {
			return err
		}
		checkContent(t, file, "old")
		return writeString(f, "w")
	})
	if err != nil {
		t.Fatal(err)
	}
	checkContent(t, file, "new")
}

func TestWriteFails(t *testing.T) {
	cause := errors.New("cause")
	fail := func(f *os.File) error {
		writeString(f, "half")
		return cause
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	makeFile(t, file, "old")
	if err := ReplaceFunc(file, fail); !errors.Is(err, cause) {
		t.Errorf("ReplaceFunc: got %v, want %v", err, cause)
	}
	if err := CreateFunc(filepath.Join(dir, "new"), fail); !errors.Is(err, cause) {
		t.Errorf("CreateFunc: got %v, want %v", err, cause)
	}
	checkContent(t, file, "old")
	checkNames(t, dir, "file")
}

// TestCheck checks that Check fails exactly where a file cannot be written, and
// leaves nothing.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for range 2 { // without and with the file
		if err := Check(file); err != nil {
			t.Error(err)
		}
		makeFile(t, file, "old")
		checkNames(t, dir, "file")
	}
	checkContent(t, file, "old")
	if err := Check(dir); err == nil {
		t.Error("a directory could be written")
	}
	missing := filepath.Join(dir, "none", "file")
	if err := Check(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), "dualboot-") {
		t.Errorf("in a missing directory: got %v", err)
	}
	if err := Check(filepath.Join(file, "file")); err == nil {
		t.Error("a file below a file could be written")
	}
	checkNames(t, dir, "file")
}

func TestErrorsLeaveNothing(t *testing.T) {
	for _, w := range append(replacers, creators...) {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := w.write(filepath.Join(dir, "none", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("in a missing directory: got %v", err)
			}
			sub := filepath.Join(dir, "sub")
			if err := os.Mkdir(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := w.write(sub, nil); err == nil {
				t.Error("a directory was replaced")
			}
			checkNames(t, dir, "sub")
		})
	}
}

func TestCreateKeepsExisting(t *testing.T) {
	for _, w := range creators {
		for name, occupy := range map[string]func(path string) error{
			"file":          func(path string) error { return os.WriteFile(path, []byte("old"), 0o644) },
			"directory":     func(path string) error { return os.Mkdir(path, 0o755) },
			"dangling link": func(path string) error { return os.Symlink("nowhere", path) },
		} {
			t.Run(w.name+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				file := filepath.Join(dir, "file")
				if err := occupy(file); err != nil {
					t.Skipf("cannot make a %s: %v", name, err)
				}
				before, err := os.Lstat(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.write(file, []byte("new")); !errors.Is(err, fs.ErrExist) {
					t.Errorf("got %v, want fs.ErrExist", err)
				}
				after, err := os.Lstat(file)
				if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
					t.Errorf("got %v, %v, want %v", after, err, before)
				}
				checkNames(t, dir, "file")
			})
		}
	}
}

// TestCreateConcurrently checks that one of many writers wins, and that all see
// its file complete.
func TestCreateConcurrently(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = Create(file, []byte("complete"))
			checkContent(t, file, "complete")
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d writers created the file, want 1", won, len(errs))
	}
	checkNames(t, dir, "file")
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	// A killed run leaves what writeTemp writes.
	temp := func(name string, age time.Duration) string {
		t.Helper()
		path, err := writeTemp(filepath.Join(dir, name), 0, content([]byte("half")))
		if err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		return filepath.Base(path)
	}
	temp("lambdas.json", 2*time.Hour)
	temp("bootstrap.zip", 2*time.Hour)
	recent := temp("recent", 30*time.Minute)

	longAgo := time.Now().Add(-24 * time.Hour)
	others := []string{".lambdas.schema.json", ".x.dualboot-1", "x.dualboot-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "z"}
	for _, name := range others {
		makeFile(t, filepath.Join(dir, name), "")
		if err := os.Chtimes(filepath.Join(dir, name), longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	sub := ".sub.dualboot-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, sub), longAgo, longAgo); err != nil {
		t.Fatal(err)
	}

	if err := Clean(dir, time.Hour); err != nil {
		t.Fatal(err)
	}
	checkNames(t, dir, strings.Join([]string{others[0], recent, sub, others[1], others[2], others[3]}, " "))

	if err := Clean(filepath.Join(dir, "none"), time.Hour); err != nil {
		t.Errorf("a missing directory: %v", err)
	}
	if err := Clean(filepath.Join(dir, "z"), time.Hour); err == nil {
		t.Error("a file was cleaned as a directory")
	}
}

func TestLink(t *testing.T) {
	dir := t.TempDir()
	source, path := filepath.Join(dir, "source"), filepath.Join(dir, "path")
	for range 2 { // the second time there is nothing to do
		if err := os.WriteFile(source, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Link(source, path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "content" {
			t.Errorf("content %q, %v", got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Link(filepath.Join(dir, "other"), path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "other" {
		t.Errorf("content %q, %v", got, err)
	}
	if got, err := os.ReadFile(source); err != nil || string(got) != "content" {
		t.Errorf("the old file has content %q, %v", got, err)
	}
	if err := Link(filepath.Join(dir, "missing"), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}
