package bundle

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// tree returns a directory with the files, of which those below bin are
// executable.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		put(t, path, []byte(name))
		if strings.HasPrefix(name, "bin/") {
			if err := os.Chmod(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

func TestInclude(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no executable bits")
	}
	dir := tree(t, "main.go", "config.json", "templates/a.html", "templates/mail/b.html", "templates/.hidden", "bin/tool", "[x].txt")
	outside := tree(t, "secret", "dir/x")
	link(t, "config.json", filepath.Join(dir, "link.json"))
	link(t, "../config.json", filepath.Join(dir, "templates", "up.json"))
	link(t, "templates/mail", filepath.Join(dir, "mail"))
	link(t, filepath.Join(outside, "secret"), filepath.Join(dir, "out"))
	link(t, filepath.Join(dir, "config.json"), filepath.Join(dir, "absolute"))
	link(t, "missing", filepath.Join(dir, "dangling"))
	link(t, "loop", filepath.Join(dir, "loop"))
	link(t, filepath.Join(outside, "dir"), filepath.Join(dir, "outdir"))

	for _, test := range []struct {
		patterns string
		want     string
		err      string
	}{
		{patterns: "", want: ""},
		{patterns: "config.json", want: "config.json"},
		{patterns: "templates/**", want: "templates/.hidden templates/a.html templates/mail/b.html templates/up.json"},
		{patterns: "templates/*", want: "templates/.hidden templates/a.html templates/up.json"},
		{patterns: "**/*.html", want: "templates/a.html templates/mail/b.html"},
		{patterns: "*.{json,go}", want: "config.json link.json main.go"},
		{patterns: "bin/* config.json bin/tool", want: "bin/tool config.json"},
		{patterns: `\[x\].txt`, want: "[x].txt"},
		{patterns: "link.json", want: "link.json"},
		{patterns: "mail/*", want: "mail/b.html"},

		{patterns: "config.json config.yaml", err: `include "config.yaml": the pattern matches no file in DIR; correct the pattern, or remove it`},
		{patterns: "templates", err: `include "templates": the pattern matches no file in DIR; write "templates/**" for the files of the directory`},
		{patterns: "missing/**", err: "matches no file in DIR"},
		{patterns: "a[", err: "the pattern is malformed"},
		{patterns: "../x", err: "write the pattern relative to DIR, without . and .."},
		{patterns: "./config.json", err: "write the pattern relative to DIR"},
		{patterns: "/etc/passwd", err: "write the pattern relative to DIR"},
		{patterns: "templates/", err: "write the pattern relative to DIR"},
		{patterns: "out", err: `include "out": DIR/out is a symbolic link that does not lead to a file in DIR; make it a relative link to one, or copy the file`},
		{patterns: "o*t", err: "DIR/out is a symbolic link that does not lead to a file in DIR"},
		{patterns: "absolute", err: "DIR/absolute is a symbolic link that does not lead to a file in DIR"},
		{patterns: "danglin*", err: "DIR/dangling is a symbolic link that does not lead to a file in DIR"},
		{patterns: "loop", err: "DIR/loop is a symbolic link that does not lead to a file in DIR"},
		{patterns: "mai?", err: "DIR/mail is a symbolic link to a directory; include the directory instead"},
		{patterns: "outdir/*", err: "escapes"},
	} {
		got, err := Include(dir, strings.Fields(test.patterns))
		if want := strings.ReplaceAll(test.err, "DIR", dir); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", test.patterns, err, want)
		}
		var names []string
		for _, e := range got {
			names = append(names, e.Name)
			want := Entry{Name: e.Name, Path: filepath.Join(dir, filepath.FromSlash(e.Name)), Mode: 0o644}
			if strings.HasPrefix(e.Name, "bin/") {
				want.Mode = 0o755
			}
			if e != want {
				t.Errorf("entry %+v, want %+v", e, want)
			}
		}
		if diff := cmp.Diff(strings.Fields(test.want), names, equateEmpty); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.patterns, diff)
		}
	}
	if _, err := Include(filepath.Join(dir, "missing"), []string{"*"}); err == nil {
		t.Error("a missing directory is no error")
	}
}

// equateEmpty compares lists of which none is nil or both.
var equateEmpty = cmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })

func TestIncludeNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the file system may not allow the name")
	}
	dir := tree(t, `back\slash`)
	if _, err := Include(dir, []string{"*"}); err == nil || !strings.Contains(err.Error(), `no zip for Lambda can hold the file name "back\\slash"; rename the file`) {
		t.Errorf("error %v", err)
	}
}

// TestIncludeOfThePacker omits what dualboot and git keep in the repository.
func TestIncludeOfThePacker(t *testing.T) {
	dir := tree(t, "main.go", "bin/.build/x", "bin/x/lambda.zip", "sub/bin/y", ".git/config", ".github/z")
	t.Chdir(dir)
	entries, err := NewPacker("bin").Include(".", []string{"**"})
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	if want := []string{".github/z", "main.go", "sub/bin/y"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("includes %v, %v; want %v", names, err, want)
	}
}

func TestLost(t *testing.T) {
	deployed := func(names string) *lambda.Contents {
		c := &lambda.Contents{}
		for _, name := range strings.Fields(names) {
			name, executable := strings.CutSuffix(name, "*")
			c.Files = append(c.Files, lambda.File{Name: name, Executable: executable})
		}
		return c
	}
	p := &lambda.Package{Files: []string{"bootstrap", "config.json", "lambda", "run.sh"}, Programs: []string{"run.sh"}, Legacy: "lambda"}
	for _, test := range []struct {
		name     string
		c        *lambda.Contents
		legacy   string
		drop     string
		want     string
		disabled string
	}{
		{name: "a program that is no longer one", c: deployed("bootstrap* config.json* run.sh*"), disabled: "config.json"},
		{name: "data with the name of the legacy binary", c: deployed("bootstrap* lambda"), want: "lambda"},
		{name: "a program with the name of the legacy binary", c: deployed("bootstrap* lambda*")},
		{name: "an empty directory", c: deployed("bootstrap* data/"), want: "data/"},
		{name: "an empty directory that is dropped", c: deployed("bootstrap* data/"), drop: "data"},
		{name: "the legacy binary only", c: deployed("main"), legacy: "main"},
		{name: "another handler", c: deployed("lambda main"), legacy: "main", want: "lambda"},
		{name: "no legacy binary", c: deployed("bootstrap lambda"), want: "lambda"},
		{name: "kept", c: deployed("bootstrap config.json")},
		{name: "files", c: deployed("a/b/c.md a/x README.md main"), legacy: "main", want: "a/b/c.md a/x README.md"},
		{name: "dropped", c: deployed("a/b/c.md a/x README.md main"), legacy: "main", drop: "*.md", want: "a/b/c.md a/x"},
		{name: "all dropped", c: deployed("a/b/c.md a/x .env main"), legacy: "main", drop: "**"},
		{name: "a malformed pattern drops nothing", c: deployed("a ["), drop: "[", want: "a ["},
		{name: "empty", c: deployed("")},
	} {
		lost, disabled := Lost(test.c, p, test.legacy, strings.Fields(test.drop))
		if diff := cmp.Diff(strings.Fields(test.want), lost, equateEmpty); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(strings.Fields(test.disabled), disabled, equateEmpty); diff != "" {
			t.Errorf("%s: not executable any more (-want +got):\n%s", test.name, diff)
		}
	}
}
