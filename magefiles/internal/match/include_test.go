package match

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bmatcuk/doublestar/v4"

	"example.com/dualboot/magefiles/internal/manifest"
)

func TestInclude(t *testing.T) {
	for _, test := range []struct{ name, disk, zip, patterns, missing string }{
		{"no files", "main.go", "", "", ""},
		{"files", "main.go config.json .env cert.pem", "config.json .env", ".env config.json", ""},
		{"missing files", "main.go config.json", "config.json old.json Config.json", "config.json", "Config.json old.json"},
		{"a file twice", "a b", "a x a x", "a", "x"},
		{"whole directory", "main.go templates/a.html templates/b.html", "templates/b.html templates/a.html", "templates/**", ""},
		{"whole directory in another", "t/a t/mail/x t/mail/y t/z/1/2", "t/mail/x t/mail/y t/z/1/2", "t/mail/** t/z/**", ""},
		{"topmost directory", "t/a/b/c t/a/d t/e", "t/a/b/c t/a/d t/e", "t/**", ""},
		{"more on disk", "t/a t/b t/c", "t/a t/b", "t/a t/b", ""},
		{"a hidden file more on disk", "t/a t/.DS_Store", "t/a", "t/a", ""},
		{"more in the zip", "t/a t/b", "t/a t/b t/c", "t/a t/b", "t/c"},
		{"more in the zip, below", "t/a t/b/c", "t/a t/b/c t/d/e", "t/a t/b/**", "t/d/e"},
		{"a similar name", "t/a tt/b", "t/a tt/c", "t/**", "tt/c"},
		{"a directory of that name", "config/a", "config", "", "config"},
		{"a file instead of a directory", "config", "config/a", "", "config/a"},
		{"not names of files", "a", "./a /a ../a a/ a/../a", "", "../a ./a /a a/ a/../a"},
		{"special characters", "a[1].txt {x,y}.json ~z c:d/e **", "a[1].txt {x,y}.json ~z c:d/e **",
			"?x[,]y?.json [*][*] [~]z a[[]1].txt c[:]d/**", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := fstest.MapFS{}
			for name := range strings.FieldsSeq(test.disk) {
				dir[name] = &fstest.MapFile{}
			}
			patterns, missing := Include(dir, strings.Fields(test.zip))
			if got := strings.Join(patterns, " "); got != test.patterns {
				t.Errorf("patterns %q, want %q", got, test.patterns)
			}
			if got := strings.Join(missing, " "); got != test.missing {
				t.Errorf("missing %q, want %q", got, test.missing)
			}
		})
	}
}

// TestIncludeRandom checks that the patterns match exactly the files that are in
// the zip and on disk, and that lambdas.json can have them.
func TestIncludeRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	names := func(most int) []string {
		var list []string
		for range r.IntN(most) {
			var elements []string
			for range 1 + r.IntN(3) {
				var b strings.Builder
				for range 1 + r.IntN(2) {
					b.WriteByte("ab*?[],~:!^-."[r.IntN(13)])
				}
				elements = append(elements, b.String())
			}
			if name := strings.Join(elements, "/"); fs.ValidPath(name) && name != "." {
				list = append(list, name)
			}
		}
		return list
	}
	file := filepath.Join(t.TempDir(), "lambdas.json")
	for range 500 {
		dir, common := fstest.MapFS{}, names(8)
		for _, name := range slices.Concat(common, names(3)) {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(dir)), func(other string) bool { // no file is a directory as well
				return strings.HasPrefix(name, other+"/") || strings.HasPrefix(other, name+"/")
			}) {
				dir[name] = &fstest.MapFile{}
			}
		}
		zip := slices.Concat(common, names(3))

		patterns, missing := Include(dir, zip)
		matched := func(name string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(p, name) })
		}
		for name := range dir {
			if want := slices.Contains(zip, name); matched(name) != want {
				t.Fatalf("disk %v, zip %q: patterns %q match %q: %t", dir, zip, patterns, name, !want)
			}
		}
		for _, name := range zip {
			if slices.Contains(missing, name) == (dir[name] != nil) {
				t.Fatalf("disk %v, zip %q: missing %q", dir, zip, missing)
			}
		}
		m := manifest.Manifest{
			Environments: map[string]manifest.Environment{"dev": {Dual: true, Settle: manifest.DefaultSettle}},
			Functions:    []manifest.Function{{Name: "a", Package: ".", Dual: true, Include: patterns}},
		}
		if err := manifest.Create(file, &m); err != nil {
			t.Fatalf("patterns %q: %v", patterns, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIncludeOnDisk checks links, and names that only a file system has.
func TestIncludeOnDisk(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "-- a/x --\n-- b/x --\n-- c/x --\n")
	for link, target := range map[string]string{"a/link": "x", "b/directory": "../c"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	patterns, missing := Include(os.DirFS(dir), []string{"a/x", "a/link", "b/x", "b/directory"})
	if got, want := strings.Join(patterns, " "), "a/** b/x"; got != want {
		t.Errorf("patterns %q, want %q", got, want)
	}
	if got, want := strings.Join(missing, " "), "b/directory"; got != want {
		t.Errorf("missing %q, want %q", got, want)
	}
}
