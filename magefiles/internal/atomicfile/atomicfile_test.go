package atomicfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	check := func(want string, mode os.FileMode) {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil || string(data) != want {
			t.Errorf("the file has %q (%v), want %q", data, err, want)
		}
		if info, err := os.Lstat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != mode {
			t.Errorf("its mode is %v (%v), want %v", info.Mode(), err, mode)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 2 {
			t.Errorf("something is left: %v", entries)
		}
	}
	if err := atomicfile.Replace(file, []byte("new")); err != nil {
		t.Fatal(err)
	}
	check("new", 0o644)
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := atomicfile.Replace(link, []byte("newer")); err != nil {
		t.Fatal(err)
	}
	check("newer", 0o640)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v, %v", info, err)
	}
	if err := atomicfile.Replace(filepath.Join(dir, "none", "file"), nil); err == nil {
		t.Error("a file in a directory that is not there was written")
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Replace(filepath.Join(dir, "sub"), []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	check("newer", 0o640)
}
