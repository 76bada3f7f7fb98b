package bundle

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
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
		err = errors.Join(err, os.WriteFile(path, []byte("zip"), 0o600), os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		if err != nil {
			t.Fatal(err)
		}
	}
	sha := lambda.CodeSha256(sha256.Sum256([]byte("zip")))
	want := Origin{FunctionName: "prod-a", Runtime: "go1.x", Handler: "main", Architecture: "x86_64", CodeSha256: sha}
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
	for _, sha := range []string{sha, "gone", "other"} {
		download(sha, 25*time.Hour)
	}
	download("new", time.Hour)

	p.RemoveUnused(func(env, name string) bool { return env == "prod" && name == "a" })
	files, err := fs.Glob(os.DirFS("bin/.deployed"), "*")
	if diff := cmp.Diff([]string{filepath.Base(p.DownloadPath(sha)), "new.zip", "prod"}, files); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, zip, err := p.Origin("prod", "a")
	if diff := cmp.Diff(want, got); diff != "" || err != nil || zip.Path != p.DownloadPath(sha) || zip.Size != 3 {
		t.Errorf("%+v, %v, %s", zip, err, diff)
	}
	if _, _, err := p.Origin("prod", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a function that is not in lambdas.json: error %v", err)
	}
	if err := os.WriteFile(p.originPath("prod", "b"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	download("of b", 25*time.Hour)
	p.RemoveUnused(func(string, string) bool { return true })
	if _, err := os.Stat(p.DownloadPath("of b")); err != nil {
		t.Errorf("a zip is removed although which ones are needed is not known: %v", err)
	}
	if _, _, err := p.Origin("prod", "b"); err == nil || !strings.HasSuffix(err.Error(), "; remove the file") {
		t.Errorf("of a damaged file: error %v", err)
	}
	if err := os.WriteFile(zip.Path, []byte("zi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Origin("prod", "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with a damaged zip: error %v", err)
	}
}
