package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// mustWrite writes zips without a record.
func mustWrite(t *testing.T, dir string, list []Spec) []*lambda.Package {
	t.Helper()
	for i, s := range list {
		list[i] = s.sorted()
	}
	packages, err := write(t.Context(), dir, "", list)
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// TestGolden holds the bytes of the zips still. When the compressor changes
// them, every function is deployed anew once: let that be a decision. What this
// package itself changes must raise format.
func TestGolden(t *testing.T) {
	legacy, bootstrap := sources(t)
	included := []Entry{
		{Name: "config.json", Path: legacy, Mode: 0o644},
		{Name: "bin/convert", Path: bootstrap, Mode: 0o755},
		{Name: "texte/grüße.txt", Path: bootstrap, Mode: 0o644},
	}
	single := Spec{File: DualZip, Legacy: "main", Entries: []Entry{
		{Name: "main", Path: legacy, Mode: 0o755},
		{Name: "bootstrap", Link: "main"},
	}}
	arm := specs("", "", bootstrap)
	arm[0].Architecture = lambda.ARM64
	for _, test := range []struct {
		name  string
		specs []Spec
		want  []string
	}{
		{"lambda and bootstrap", pair(legacy, bootstrap), []string{
			"LSh6jB9KR+JvcfxWsnssTrBs9ZkSttzLkTvQIBW4bX8=",
			"ZhuxaayjIREvkR23tuZCrN9Ofi7Gk2HNKj6DV01JntM=",
		}},
		{"another handler", specs("bin/foo", legacy, bootstrap), []string{
			"RoumDx6l8921WBo8JtZOJYFZ1OkVWtRF+asSR5jWfE8=",
			"ZhuxaayjIREvkR23tuZCrN9Ofi7Gk2HNKj6DV01JntM=",
		}},
		{"included files", specs("lambda", legacy, bootstrap, included...), []string{
			"rHtvxMRyAoLm48iOM4nD8/xl62h6mJvYuAMWHvj/WlA=",
			"QqbUxnX0TmQY62kfvFk/F7FRVKzCw/vmcWNVK9BzCqk=",
		}},
		{"a link", []Spec{single}, []string{
			"AMXw2H6auPoB3n+T677uiGbwSpSCSDjkkuSDuepM7PU=",
		}},
		{"arm64", arm, []string{
			"ZhuxaayjIREvkR23tuZCrN9Ofi7Gk2HNKj6DV01JntM=",
		}},
	} {
		for i, p := range mustWrite(t, t.TempDir(), test.specs) {
			if p.CodeSha256 != test.want[i] {
				t.Errorf("%s: CodeSha256 of %s is %s, want %s", test.name, test.specs[i].File, p.CodeSha256, test.want[i])
			}
		}
	}
}

func TestContent(t *testing.T) {
	legacy, bootstrap := sources(t)
	text := filepath.Join(t.TempDir(), "text")
	put(t, text, []byte("text"))
	dual := Spec{File: DualZip, Legacy: "bin/foo", Architecture: lambda.X86_64, Entries: []Entry{
		{Name: "ä", Path: text, Mode: 0o644},
		{Name: "bin/foo", Path: legacy, Mode: 0o755},
		{Name: "link", Link: "bin/foo"},
		{Name: "bootstrap", Path: bootstrap, Mode: 0o755},
	}}
	dir := t.TempDir()
	p := mustWrite(t, dir, []Spec{dual})[0]
	data := content(t, filepath.Join(dir, "lambda.zip"))
	sum := sha256.Sum256(data)
	want := &lambda.Package{
		Path: filepath.Join(dir, "lambda.zip"), Architecture: lambda.X86_64, Legacy: "bin/foo",
		Files:      []string{"bin/foo", "bootstrap", "link", "ä"},
		CodeSha256: base64.StdEncoding.EncodeToString(sum[:]),
		Size:       int64(len(data)),
		Unzipped:   int64(len(content(t, legacy)) + len(content(t, bootstrap)) + len("bin/foo") + len("text")),
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}

	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if r.Comment != "dualboot bin/foo" {
		t.Errorf("comment %q", r.Comment)
	}
	modes := map[string]fs.FileMode{"bin/foo": 0o755, "bootstrap": 0o755, "link": fs.ModeSymlink | 0o755, "ä": 0o644}
	contents := map[string][]byte{"bin/foo": content(t, legacy), "bootstrap": content(t, bootstrap), "link": []byte("bin/foo"), "ä": []byte("text")}
	for i, f := range r.File {
		if f.Name != want.Files[i] || f.NonUTF8 {
			t.Errorf("file %d is %s, want %s", i, f.Name, want.Files[i])
		}
		if f.Mode() != modes[f.Name] {
			t.Errorf("mode of %s is %v, want %v", f.Name, f.Mode(), modes[f.Name])
		}
		if want := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); !f.Modified.Equal(want) {
			t.Errorf("%s was modified at %v, want %v", f.Name, f.Modified, want)
		}
		if len(f.Extra) > 0 || f.Flags&8 != 0 {
			t.Errorf("%s has extra fields %x, flags %x", f.Name, f.Extra, f.Flags)
		}
		if got := extract(t, f); !bytes.Equal(got, contents[f.Name]) {
			t.Errorf("content of %s differs", f.Name)
		}
	}
}

func extract(t *testing.T, f *zip.File) []byte {
	t.Helper()
	in, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSameBytes(t *testing.T) {
	legacy, bootstrap := sources(t)
	first := mustWrite(t, t.TempDir(), pair(legacy, bootstrap))

	// Neither modes, times and paths of the binaries nor the zone nor the order
	// count.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(legacy, moved); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{moved, bootstrap} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	defer func(zone *time.Location) { time.Local = zone }(time.Local)
	time.Local = time.FixedZone("far", 13*3600)
	again := pair(moved, bootstrap)
	slices.Reverse(again[0].Entries)
	for i, p := range mustWrite(t, t.TempDir(), again) {
		if p.CodeSha256 != first[i].CodeSha256 {
			t.Errorf("the same binaries give other bytes: %+v, %+v", p, first[i])
		}
	}
}

func TestNothingHalfWritten(t *testing.T) {
	legacy, bootstrap := sources(t)
	dir := t.TempDir()
	if _, err := write(t.Context(), dir, "", pair(legacy, bootstrap+"-missing")); err == nil {
		t.Error("a missing binary is no error")
	}
	if files := list(t, dir); len(files) > 0 {
		t.Errorf("a failed run leaves %v", files)
	}

	// An entry that cannot be replaced fails the run and leaves no temporary file.
	if err := os.MkdirAll(filepath.Join(dir, "lambda.zip", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := write(t.Context(), dir, "", pair(legacy, bootstrap)); err == nil {
		t.Error("a zip that cannot be written is no error")
	}
	if files := list(t, dir); !slices.Equal(files, []string{"lambda.zip"}) {
		t.Errorf("a failed run leaves %v", files)
	}
}

// TestMemory packs a large file that does not shrink.
func TestMemory(t *testing.T) {
	const size = 32 << 20
	large := filepath.Join(t.TempDir(), "large")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	packages := mustPack(t, newPacker(t.TempDir()), "a", specs("", "", large))
	if err := closed(packages[0].Open()); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > size/8 {
		t.Errorf("%d bytes were allocated for a file of %d bytes", got, size)
	}
}

func TestReadNoticesAnotherZip(t *testing.T) {
	dual := mustWrite(t, t.TempDir(), pair(sources(t)))[0]
	if _, err := dual.Read(); err != nil {
		t.Fatal(err)
	}
	put(t, dual.Path, []byte("another"))
	if _, err := dual.Read(); err == nil || !strings.Contains(err.Error(), "has changed since it was built") {
		t.Errorf("error %v", err)
	}
}

func TestUnzip(t *testing.T) {
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("unzip is not installed")
	}
	legacy, _ := sources(t)
	p := mustWrite(t, t.TempDir(), []Spec{{File: DualZip, Legacy: "bin/foo", Entries: []Entry{
		{Name: "bin/foo", Path: legacy, Mode: 0o755},
		{Name: "bootstrap", Link: "bin/foo"},
		{Name: "data", Path: legacy, Mode: 0o644},
	}}})[0]
	dir := t.TempDir()
	if out, err := exec.Command(unzip, "-qo", p.Path, "-d", dir).CombinedOutput(); err != nil {
		t.Fatalf("unzip: %v\n%s", err, out)
	}
	for name, executable := range map[string]bool{"bin/foo": true, "bootstrap": true, "data": false} {
		path := filepath.Join(dir, name)
		if !bytes.Equal(content(t, path), content(t, legacy)) {
			t.Errorf("content of %s differs", name)
		}
		if info, err := os.Stat(path); err != nil || (info.Mode().Perm()&0o001 != 0) != executable {
			t.Errorf("mode of %s: %v %v", name, info.Mode(), err)
		}
	}
	if link, err := os.Readlink(filepath.Join(dir, "bootstrap")); err != nil || link != "bin/foo" {
		t.Errorf("link %q (%v)", link, err)
	}
}
