package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// marked is the time of zips that nobody has written since.
var marked = time.Unix(1e9, 0)

// zipsOf is a directory with the zips of two binaries.
type zipsOf struct{ dir, legacy, bootstrap string }

// small writes two binaries that are quick to compress.
func small(t *testing.T) (legacy, bootstrap string) {
	t.Helper()
	dir := t.TempDir()
	legacy, bootstrap = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	put(t, legacy, bytes.Repeat([]byte("net/rpc "), 500))
	put(t, bootstrap, bytes.Repeat([]byte("runtime api "), 500))
	return legacy, bootstrap
}

func pack(t *testing.T, recipe string, z zipsOf) lambda.Zips {
	t.Helper()
	b, err := write(z.dir, z.legacy, z.bootstrap, recipe)
	if err != nil {
		t.Fatal(err)
	}
	return b
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
		legacy, bootstrap := small(t)
		z := zipsOf{t.TempDir(), bootstrap, legacy}
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
			pack(t, "recipe", zipsOf{dir: z.dir, bootstrap: z.bootstrap})
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
			z := zipsOf{dir: t.TempDir()}
			z.legacy, z.bootstrap = small(t)
			pack(t, "recipe", z)
			test.change(t, z)
			for _, path := range []string{dual(z), single(z)} {
				if err := os.Chtimes(path, marked, marked); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}

			got := pack(t, "recipe", z)
			fresh := pack(t, "", zipsOf{t.TempDir(), z.legacy, z.bootstrap})
			fresh.Dual.Path, fresh.Bootstrap.Path = dual(z), single(z)
			if diff := cmp.Diff(fresh, got); diff != "" {
				t.Errorf("not what a fresh run gives (-fresh +got):\n%s", diff)
			}
			for _, p := range []*lambda.Package{got.Dual, got.Bootstrap} {
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

func TestReuseWithoutLambda(t *testing.T) {
	z := zipsOf{dir: t.TempDir()}
	z.legacy, z.bootstrap = small(t)
	want := pack(t, "recipe", z)
	if err := os.Chtimes(want.Bootstrap.Path, marked, marked); err != nil {
		t.Fatal(err)
	}
	got := pack(t, "recipe", zipsOf{z.dir, "", z.bootstrap})
	if diff := cmp.Diff(lambda.Zips{Bootstrap: want.Bootstrap}, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(got.Bootstrap.Path); err != nil || !info.ModTime().Equal(marked) {
		t.Errorf("bootstrap.zip was written again (%v)", err)
	}
	if files := list(t, z.dir); !slices.Equal(files, []string{recordFile, "bootstrap.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}
	if diff := cmp.Diff(want, pack(t, "recipe", z)); diff != "" {
		t.Errorf("with lambda again:\n%s", diff)
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

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
