package bundle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

func mustPack(t *testing.T, p *Packer, name string, list []Spec) []*lambda.Package {
	t.Helper()
	packages, err := p.Pack(t.Context(), name, list...)
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// newPacker returns a packer with a known recipe, as a released program has.
func newPacker(dir string) *Packer {
	p := NewPacker(dir)
	p.recipe = "recipe"
	return p
}

func TestPackShares(t *testing.T) {
	dir := t.TempDir()
	legacy, bootstrap := small(t)
	both := pair(legacy, bootstrap)
	p := newPacker(dir)
	names := []string{"a", "b", "c", "d"}
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() { mustPack(t, p, name, both) })
	}
	group.Wait()
	first := mustPack(t, p, "a", both)
	for _, name := range names[1:] {
		zips := mustPack(t, p, name, both)
		if !sameFile(t, first[0].Path, zips[0].Path) || !sameFile(t, first[1].Path, zips[1].Path) {
			t.Errorf("%s does not share its zips", name)
		}
		if want := filepath.Join(dir, name, "lambda.zip"); zips[0].Path != want {
			t.Errorf("path %s, want %s", zips[0].Path, want)
		}
	}

	// The same binaries without lambda are other zips.
	alone := mustPack(t, p, "a", pair("", bootstrap))
	if len(alone) != 1 || alone[0].CodeSha256 != first[1].CodeSha256 {
		t.Errorf("without lambda: %+v", alone)
	}
	if files := list(t, filepath.Join(dir, "a")); !slices.Equal(files, []string{"bootstrap.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}

	// New binaries at the same paths change the zips of every function.
	put(t, legacy, []byte("new"))
	for _, name := range names {
		zips := mustPack(t, newPacker(dir), name, both)
		if zips[0].CodeSha256 == first[0].CodeSha256 {
			t.Errorf("%s has the old code", name)
		}
		if _, err := zips[0].Read(); err != nil {
			t.Error(err)
		}
	}
	if files := list(t, filepath.Join(dir, "b")); !slices.Equal(files, []string{"bootstrap.zip", "lambda.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}
}

// TestPackReplaces packs where somebody else's file is in the way.
func TestPackReplaces(t *testing.T) {
	dir := t.TempDir()
	legacy, bootstrap := small(t)
	both := pair(legacy, bootstrap)
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "a", "lambda.zip"), []byte("of an old version"))
	left := filepath.Join(dir, "a", ".lambda.zip.dualboot-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	put(t, left, []byte("of a killed run"))
	if err := os.Chtimes(left, marked, marked); err != nil {
		t.Fatal(err)
	}
	zips := mustPack(t, newPacker(dir), "a", both)
	if _, err := zips[0].Read(); err != nil {
		t.Error(err)
	}
	if files := list(t, filepath.Join(dir, "a")); !slices.Equal(files, []string{"bootstrap.zip", "lambda.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}
}

// TestPackHeals damages a zip without a change of its size and time. The zip is
// not sent, and the next run writes it again.
func TestPackHeals(t *testing.T) {
	dir := t.TempDir()
	legacy, bootstrap := small(t)
	both := pair(legacy, bootstrap)
	zips := mustPack(t, newPacker(dir), "a", both)
	info, err := os.Stat(zips[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	data := content(t, zips[0].Path)
	data[len(data)/2] ^= 1
	put(t, zips[0].Path, data)
	if err := os.Chtimes(zips[0].Path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, err := mustPack(t, newPacker(dir), "a", both)[0].Read(); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("error %v", err)
	}
	again := mustPack(t, newPacker(dir), "a", both)
	if _, err := again[0].Read(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(zips, again); diff != "" {
		t.Error(diff)
	}
}

// TestIdentity compares binaries of the go command, which have a build ID, with
// each other and with other files.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.go")
	compile := func(name, text string, flags ...string) string {
		t.Helper()
		put(t, main, []byte("package main\n\nfunc main() { println("+text+") }\n"))
		out := filepath.Join(dir, name)
		cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-ldflags=-s -w"}, flags...), "-o", out, main)...)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return out
	}
	id := func(path string) string {
		t.Helper()
		id, err := source{path: path, binary: true}.identity()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	one := compile("one", `"1"`)
	if got := id(one); !strings.Contains(got, "/") || len(got) < 40 {
		t.Errorf("identity %q has no build ID", got)
	}
	if id(one) != id(compile("one-again", `"1"`)) {
		t.Error("the same content has two identities")
	}
	if id(one) == id(compile("two", `"2"`)) {
		t.Error("different content has one identity")
	}
	anonymous := compile("anonymous", `"1"`, "-ldflags=-s -w -buildid=")
	if got := id(anonymous); strings.Contains(got, "/") || len(got) != 64 {
		t.Errorf("identity %q without a build ID is not a hash", got)
	}
	truncated := filepath.Join(dir, "truncated")
	data := content(t, one)
	put(t, truncated, append(bytes.Clone(data), 0))
	if id(truncated) == id(one) {
		t.Error("a longer file has the identity of the binary")
	}
	if got, err := (source{path: one}).identity(); err != nil || len(got) != 64 {
		t.Errorf("identity %q of an included program is not a hash (%v)", got, err)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

// TestPackRefusesLinks replaces what the packer writes to by symbolic links.
func TestPackRefusesLinks(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "binary")
	put(t, binary, []byte("binary"))
	alone := specs("", "", binary)
	for _, test := range []struct {
		name string
		path string // of the link, in the repository
		to   string // the target, or "" for a directory outside
		err  string
	}{
		{name: "of a function", path: "bin/a", err: "bin/a is a symbolic link to TARGET, which is outside the current directory; remove the link"},
		{name: "of the store", path: "bin/.zips", err: "bin/.zips is a symbolic link to TARGET, which is outside"},
		{name: "of a zip", path: "bin/a/bootstrap.zip", err: "bin/a/bootstrap.zip is a symbolic link to TARGET, which is outside"},
		{name: "to nothing", path: "bin/a", to: "missing", err: "bin/a is a symbolic link to missing, which does not exist; remove the link"},
		{name: "inside the repository", path: "bin/a", to: "../elsewhere"},
		{name: "of bin", path: "bin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			outside, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			for _, dir := range []string{filepath.Dir(test.path), "elsewhere"} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			target := test.to
			if target == "" {
				target = outside
			}
			link(t, target, test.path)
			packages, err := newPacker("bin").Pack(t.Context(), "a", alone...)
			if want := strings.ReplaceAll(test.err, "TARGET", target); want != "" {
				if err == nil || !strings.Contains(err.Error(), filepath.FromSlash(want)) {
					t.Errorf("error %v, want %q", err, want)
				}
				if files := list(t, outside); len(files) > 0 {
					t.Errorf("written outside: %v", files)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := closed(packages[0].Open()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPackCleans finds what a killed run has left in the store.
func TestPackCleans(t *testing.T) {
	dir := t.TempDir()
	both := pair(small(t))
	mustPack(t, newPacker(dir), "a", both)
	store := filepath.Join(dir, ".zips", list(t, filepath.Join(dir, ".zips"))[0])
	for _, name := range []string{scratch + "old", scratch + "new"} {
		put(t, filepath.Join(store, name, "1"), []byte("half"))
	}
	if err := os.Chtimes(filepath.Join(store, scratch+"old"), marked, marked); err != nil {
		t.Fatal(err)
	}
	mustPack(t, newPacker(dir), "a", both)
	want := []string{scratch + "new", recordFile, "bootstrap.zip", "lambda.zip"}
	if files := list(t, store); !slices.Equal(files, want) {
		t.Errorf("in the store: %v, want %v", files, want)
	}
}

func TestPackInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	dir := t.TempDir()
	if _, err := newPacker(dir).Pack(ctx, "a", pair(small(t))...); err == nil {
		t.Error("no error")
	}
	if files := list(t, filepath.Join(dir, "a")); len(files) > 0 {
		t.Errorf("left in the directory: %v", files)
	}
}

// closed closes a package that was opened to check it.
func closed(file *os.File, err error) error {
	if err != nil {
		return err
	}
	return file.Close()
}
