package bundle

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/lambda"
)

func mustPack(t *testing.T, p *Packer, name string, files map[build.Binary]string) lambda.Zips {
	t.Helper()
	zips, err := p.Pack(t.Context(), name, files)
	if err != nil {
		t.Fatal(err)
	}
	return zips
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
	both := map[build.Binary]string{build.Lambda: legacy, build.Bootstrap: bootstrap}
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
		if !sameFile(t, first.Dual.Path, zips.Dual.Path) || !sameFile(t, first.Bootstrap.Path, zips.Bootstrap.Path) {
			t.Errorf("%s does not share its zips", name)
		}
		if want := filepath.Join(dir, name, "lambda.zip"); zips.Dual.Path != want {
			t.Errorf("path %s, want %s", zips.Dual.Path, want)
		}
	}

	// The same binaries without lambda are other zips.
	alone := mustPack(t, p, "a", map[build.Binary]string{build.Bootstrap: bootstrap})
	if alone.Dual != nil || alone.Bootstrap.CodeSha256 != first.Bootstrap.CodeSha256 {
		t.Errorf("without lambda: %+v", alone)
	}
	if files := list(t, filepath.Join(dir, "a")); !slices.Equal(files, []string{"bootstrap.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}

	// New binaries at the same paths change the zips of every function.
	put(t, legacy, []byte("new"))
	for _, name := range names {
		zips := mustPack(t, newPacker(dir), name, both)
		if zips.Dual.CodeSha256 == first.Dual.CodeSha256 {
			t.Errorf("%s has the old code", name)
		}
		if _, err := zips.Dual.Read(); err != nil {
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
	both := map[build.Binary]string{build.Lambda: legacy, build.Bootstrap: bootstrap}
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
	if _, err := zips.Dual.Read(); err != nil {
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
	both := map[build.Binary]string{build.Lambda: legacy, build.Bootstrap: bootstrap}
	zips := mustPack(t, newPacker(dir), "a", both)
	info, err := os.Stat(zips.Dual.Path)
	if err != nil {
		t.Fatal(err)
	}
	data := content(t, zips.Dual.Path)
	data[len(data)/2] ^= 1
	put(t, zips.Dual.Path, data)
	if err := os.Chtimes(zips.Dual.Path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, err := mustPack(t, newPacker(dir), "a", both).Dual.Read(); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("error %v", err)
	}
	again := mustPack(t, newPacker(dir), "a", both)
	if _, err := again.Dual.Read(); err != nil {
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
	source := filepath.Join(dir, "main.go")
	compile := func(name, text string, flags ...string) string {
		t.Helper()
		put(t, source, []byte("package main\n\nfunc main() { println("+text+") }\n"))
		out := filepath.Join(dir, name)
		cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-ldflags=-s -w"}, flags...), "-o", out, source)...)
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return out
	}
	id := func(path string) string {
		t.Helper()
		id, err := identity(path)
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
