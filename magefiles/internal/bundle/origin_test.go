package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestOrigin keeps the zips that functions need for a rehearsal, and removes others
// after a day.
func TestOrigin(t *testing.T) {
	t.Chdir(t.TempDir())
	p := NewPacker("bin")
	download := func(sha string, age time.Duration) {
		t.Helper()
		path := p.DownloadPath(sha)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		err = errors.Join(err, os.WriteFile(path, []byte(sha), 0o600), os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		if err != nil {
			t.Fatal(err)
		}
	}
	want := Origin{FunctionName: "prod-a", Runtime: "go1.x", Handler: "main", Architecture: "x86_64", CodeSha256: "a"}
	gone := want
	gone.CodeSha256 = "gone"
	for name, o := range map[string]Origin{"a": want, "b": gone} {
		if err := p.SaveOrigin("prod", name, o); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.Origin("prod", "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the zip: error %v", err)
	}
	for _, sha := range []string{"a", "gone", "other"} {
		download(sha, 25*time.Hour)
	}
	download("new", time.Hour)

	p.RemoveUnused(func(env, name string) bool { return env == "prod" && name == "a" })
	files, err := fs.Glob(os.DirFS("bin/.deployed"), "*")
	if diff := cmp.Diff([]string{"a.zip", "new.zip", "prod"}, files); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, zip, err := p.Origin("prod", "a")
	if diff := cmp.Diff(want, got); diff != "" || err != nil || zip.Path != p.DownloadPath("a") || zip.Size != 1 {
		t.Errorf("%+v, %v, %s", zip, err, diff)
	}
	if _, _, err := p.Origin("prod", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a function that is not in lambdas.json: error %v", err)
	}
}
