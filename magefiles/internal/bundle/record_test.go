package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// marked is the time of zips that nobody has written since.
var marked = time.Unix(1e9, 0)

// zipsOf is a directory with the zips of two binaries and an included file.
type zipsOf struct{ dir, legacy, bootstrap, included string }

// specs describes the zips.
func (z zipsOf) specs() []Spec {
	list := specs("lambda", z.legacy, z.bootstrap, Entry{Name: "data", Path: z.included, Mode: 0o644})
	for i, s := range list {
		list[i] = s.sorted()
	}
	return list
}

// small writes two binaries that are quick to compress.
func small(t *testing.T) (legacy, bootstrap string) {
	t.Helper()
	dir := t.TempDir()
	legacy, bootstrap = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	put(t, legacy, bytes.Repeat([]byte("net/rpc "), 500))
	put(t, bootstrap, bytes.Repeat([]byte("runtime api "), 500))
	return legacy, bootstrap
}

// newZips returns a new directory for the zips of new files.
func newZips(t *testing.T) zipsOf {
	t.Helper()
	z := zipsOf{dir: t.TempDir(), included: filepath.Join(t.TempDir(), "data")}
	z.legacy, z.bootstrap = small(t)
	put(t, z.included, []byte("some data"))
	return z
}

func pack(t *testing.T, recipe string, z zipsOf) []*lambda.Package {
	t.Helper()
	return packSpecs(t, recipe, z.dir, z.specs())
}

func packSpecs(t *testing.T, recipe, dir string, list []Spec) []*lambda.Package {
	t.Helper()
	packages, err := write(t.Context(), dir, recipe, list)
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// TestReuse changes something between two runs of the same recipe. Whatever it
// is, the second must give what a run in an empty directory gives.
func TestReuse(t *testing.T) {
	flip := func(t *testing.T, path string) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		data := content(t, path)
		data[len(data)/2] ^= 1
		put(t, path, data)
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	// other is a directory of zips of other binaries.
	other := func(t *testing.T) zipsOf {
		z := newZips(t)
		z.legacy, z.bootstrap = z.bootstrap, z.legacy
		pack(t, "recipe", z)
		return z
	}
	bring := func(t *testing.T, from, to zipsOf, names ...string) {
		t.Helper()
		for _, name := range names {
			put(t, filepath.Join(to.dir, name), content(t, filepath.Join(from.dir, name)))
			if err := os.Chtimes(filepath.Join(to.dir, name), marked, marked); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(t *testing.T, path string) {
		t.Helper()
		data := content(t, path)
		put(t, path, data[:len(data)/2])
	}
	remove := func(t *testing.T, path string) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	record := func(z zipsOf) string { return filepath.Join(z.dir, recordFile) }
	dual := func(z zipsOf) string { return filepath.Join(z.dir, "lambda.zip") }
	single := func(z zipsOf) string { return filepath.Join(z.dir, "bootstrap.zip") }

	tests := []struct {
		name   string
		change func(*testing.T, zipsOf)
		reused bool
	}{
		{"nothing", func(*testing.T, zipsOf) {}, true},
		{"times of the binaries", func(t *testing.T, z zipsOf) {
			for _, path := range []string{z.legacy, z.bootstrap} {
				if err := os.Chtimes(path, time.Time{}, time.Unix(2e9, 0)); err != nil {
					t.Fatal(err)
				}
			}
		}, true},
		{"temporary files left by a killed run", func(t *testing.T, z zipsOf) {
			put(t, filepath.Join(z.dir, ".lambda.zip.123"), []byte("half"))
			put(t, filepath.Join(z.dir, recordFile+".123"), []byte("{"))
		}, true},

		{"bytes of lambda, neither its size nor its time", func(t *testing.T, z zipsOf) { flip(t, z.legacy) }, false},
		{"bytes of bootstrap, neither its size nor its time", func(t *testing.T, z zipsOf) { flip(t, z.bootstrap) }, false},
		{"bytes of the included file, neither its size nor its time", func(t *testing.T, z zipsOf) { flip(t, z.included) }, false},
		{"lambda cut off", func(t *testing.T, z zipsOf) { cut(t, z.legacy) }, false},
		{"binaries swapped", func(t *testing.T, z zipsOf) {
			legacy, bootstrap := content(t, z.legacy), content(t, z.bootstrap)
			put(t, z.legacy, bootstrap)
			put(t, z.bootstrap, legacy)
		}, false},

		{"lambda.zip gone", func(t *testing.T, z zipsOf) { remove(t, dual(z)) }, false},
		{"bootstrap.zip gone", func(t *testing.T, z zipsOf) { remove(t, single(z)) }, false},
		{"lambda.zip cut off", func(t *testing.T, z zipsOf) { cut(t, dual(z)) }, false},
		{"a bit of lambda.zip", func(t *testing.T, z zipsOf) { flip(t, dual(z)) }, false},
		{"a bit of bootstrap.zip", func(t *testing.T, z zipsOf) { flip(t, single(z)) }, false},
		{"zips exchanged", func(t *testing.T, z zipsOf) {
			both, alone := content(t, dual(z)), content(t, single(z))
			put(t, dual(z), alone)
			put(t, single(z), both)
		}, false},

		{"the record gone", func(t *testing.T, z zipsOf) { remove(t, record(z)) }, false},
		{"the record cut off", func(t *testing.T, z zipsOf) { cut(t, record(z)) }, false},
		{"an empty record", func(t *testing.T, z zipsOf) { put(t, record(z), nil) }, false},
		{"a record of nothing", func(t *testing.T, z zipsOf) { put(t, record(z), []byte("null")) }, false},
		{"a record of something else", func(t *testing.T, z zipsOf) { put(t, record(z), []byte(`{"lambda.zip": [1]}`)) }, false},
		{"a record of no lambda.zip", func(t *testing.T, z zipsOf) {
			remove(t, record(z))
			packSpecs(t, "recipe", z.dir, z.specs()[1:])
		}, false},

		{"zips and record of another function", func(t *testing.T, z zipsOf) {
			bring(t, other(t), z, "lambda.zip", "bootstrap.zip", recordFile)
		}, false},
		{"zips of another run, its record not written", func(t *testing.T, z zipsOf) {
			bring(t, other(t), z, "lambda.zip", "bootstrap.zip")
		}, false},
		{"one zip of another run", func(t *testing.T, z zipsOf) { bring(t, other(t), z, "bootstrap.zip") }, false},
		{"the record of another run", func(t *testing.T, z zipsOf) { bring(t, other(t), z, recordFile) }, false},
		{"zips and record of another recipe", func(t *testing.T, z zipsOf) {
			pack(t, "another recipe", z)
		}, false},
		{"zips and record of an unknown recipe", func(t *testing.T, z zipsOf) {
			flip(t, z.bootstrap)
			pack(t, "", z)
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			z := newZips(t)
			pack(t, "recipe", z)
			test.change(t, z)
			for _, path := range []string{dual(z), single(z)} {
				if err := os.Chtimes(path, marked, marked); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}

			got := pack(t, "recipe", z)
			fresh := packSpecs(t, "", t.TempDir(), z.specs())
			fresh[0].Path, fresh[1].Path = dual(z), single(z)
			if diff := cmp.Diff(fresh, got); diff != "" {
				t.Errorf("not what a fresh run gives (-fresh +got):\n%s", diff)
			}
			for _, p := range got {
				if _, err := p.Read(); err != nil {
					t.Error(err)
				}
				if info, err := os.Stat(p.Path); err != nil || info.ModTime().Equal(marked) != test.reused {
					t.Errorf("%s: reused is %t, want %t (%v)", p.Path, !test.reused, test.reused, err)
				}
			}
		})
	}
}

// TestReuseAnother writes zips that differ by one thing from those in the
// directory.
func TestReuseAnother(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"the name of a file":    func(s *Spec) { s.Entries[1].Name = "data2" },
		"the mode of a file":    func(s *Spec) { s.Entries[1].Mode = 0o755 },
		"the target of a link":  func(s *Spec) { s.Entries[2].Link = "data" },
		"a file less":           func(s *Spec) { s.Entries = s.Entries[:2] },
		"the legacy binary":     func(s *Spec) { s.Legacy = "link" },
		"the architecture":      func(s *Spec) { s.Architecture = lambda.ARM64 },
		"a link instead of one": func(s *Spec) { s.Entries[1] = Entry{Name: "data", Link: "bootstrap"} },
	} {
		t.Run(name, func(t *testing.T) {
			z := newZips(t)
			spec := func() Spec {
				s := specs("", "", z.bootstrap, Entry{Name: "data", Path: z.included, Mode: 0o644}, Entry{Name: "link", Link: "bootstrap"})[0]
				return s
			}
			packSpecs(t, "recipe", z.dir, []Spec{spec()})
			changed := spec()
			change(&changed)
			got := packSpecs(t, "recipe", z.dir, []Spec{changed})
			fresh := packSpecs(t, "", t.TempDir(), []Spec{changed})
			fresh[0].Path = got[0].Path
			if diff := cmp.Diff(fresh, got); diff != "" {
				t.Errorf("not what a fresh run gives (-fresh +got):\n%s", diff)
			}
		})
	}
}

func TestReuseWithoutLambda(t *testing.T) {
	z := newZips(t)
	want := pack(t, "recipe", z)
	if err := os.Chtimes(want[1].Path, marked, marked); err != nil {
		t.Fatal(err)
	}
	got := packSpecs(t, "recipe", z.dir, z.specs()[1:])
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(got[0].Path); err != nil || !info.ModTime().Equal(marked) {
		t.Errorf("bootstrap.zip was written again (%v)", err)
	}
	if diff := cmp.Diff(want, pack(t, "recipe", z)); diff != "" {
		t.Errorf("with lambda again:\n%s", diff)
	}
}

// TestChangeWhilePacking changes a file after it was identified and before it is
// compressed, and undoes the change.
func TestChangeWhilePacking(t *testing.T) {
	z := newZips(t)
	before := content(t, z.included)
	ids, err := identify(t.Context(), "recipe", z.specs())
	if err != nil {
		t.Fatal(err)
	}
	put(t, z.included, []byte("more data"))
	packages := packSpecs(t, "", z.dir, z.specs())
	if err := note(t.Context(), z.dir, "recipe", z.specs(), ids, packages); err != nil {
		t.Fatal(err)
	}
	put(t, z.included, before)
	got := pack(t, "recipe", z)
	if fresh := packSpecs(t, "", t.TempDir(), z.specs()); got[0].CodeSha256 != fresh[0].CodeSha256 {
		t.Error("the zip has the content of the file as it was for a moment")
	}
}

func TestRecipe(t *testing.T) {
	base := debug.Module{Path: deflater, Version: "v1.20.3", Sum: "h1:a"}
	known := recipeOf([]*debug.Module{{Path: "example.com/first", Version: "v1.0.0"}, &base})
	if known == "" {
		t.Fatal("a released compressor is not known")
	}
	for name, m := range map[string]debug.Module{
		"version": {Path: deflater, Version: "v1.20.4", Sum: "h1:a"},
		"sum":     {Path: deflater, Version: "v1.20.3", Sum: "h1:b"},
		"fork":    {Path: deflater, Version: "v1.20.3", Sum: "h1:a", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.20.3", Sum: "h1:a"}},
	} {
		if got := recipeOf([]*debug.Module{&m}); got == "" || got == known {
			t.Errorf("another %s: recipe %q", name, got)
		}
	}
	for name, m := range map[string]debug.Module{
		"missing":   {Path: "example.com/other", Version: "v1.0.0"},
		"directory": {Path: deflater, Version: "v1.20.3", Sum: "h1:a", Replace: &debug.Module{Path: "../compress"}},
		"workspace": {Path: deflater, Version: "(devel)"},
	} {
		if got := recipeOf([]*debug.Module{&m}); got != "" {
			t.Errorf("%s: recipe %q, want none", name, got)
		}
	}
}
