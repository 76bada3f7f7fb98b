package bundle

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// TestPackAndRead packs random functions. What Read finds in a zip is what the
// spec says, and so is what unpacking gives.
func TestPackAndRead(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 2))
		dir := t.TempDir()
		list, contents := randomSpecs(t, r, filepath.Join(dir, "files"))
		packages, err := NewPacker(filepath.Join(dir, "bin")).Pack(t.Context(), "a", list...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, p := range packages {
			checkZip(t, fmt.Sprintf("seed %d, %s", seed, list[i].File), list[i], p, contents)
		}
	}
}

func checkZip(t *testing.T, name string, s Spec, p *lambda.Package, contents map[string]string) {
	t.Helper()
	want := &lambda.Contents{Made: true, Legacy: s.Legacy}
	for _, e := range s.sorted().Entries {
		want.Files = append(want.Files, lambda.File{Name: e.Name, Executable: e.Link != "" || e.Mode == 0o755})
	}
	data, err := p.Read()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got, err := Read(t.Context(), served(data), "http://zip")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	if diff := cmp.Diff(got.Names(), p.Files); diff != "" || p.Legacy != got.Legacy {
		t.Errorf("%s is not what its package says: legacy %q\n%s", name, p.Legacy, diff)
	}
	if lost, disabled := Lost(got, p, "", nil); len(lost)+len(disabled) > 0 {
		t.Errorf("%s loses %q and %q to itself", name, lost, disabled)
	}

	z, err := zip.OpenReader(p.Path)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer z.Close()
	for i, f := range z.File {
		e := s.sorted().Entries[i]
		mode, content := e.Mode, contents[e.Path]
		if e.Link != "" {
			mode, content = fs.ModeSymlink|0o755, e.Link
		}
		if f.Name != e.Name || f.Mode() != mode || string(extract(t, f)) != content {
			t.Errorf("%s: %s (%v) is not %+v", name, f.Name, f.Mode(), e)
		}
	}
}

// randomSpecs writes files to dir and returns zips of them, and the content of
// each file.
func randomSpecs(t *testing.T, r *rand.Rand, dir string) ([]Spec, map[string]string) {
	t.Helper()
	contents := map[string]string{}
	file := func(name string, mode fs.FileMode) Entry {
		data := make([]byte, r.IntN(1<<r.IntN(18)))
		for i := range data {
			data[i] = byte(r.IntN(1 + r.IntN(256)))
		}
		e := Entry{Name: name, Path: filepath.Join(dir, fmt.Sprint(len(contents))), Mode: mode}
		put(t, e.Path, data)
		contents[e.Path] = string(data)
		return e
	}
	one := func(list ...string) string { return list[r.IntN(len(list))] }

	var included []Entry
	for i := range r.IntN(12) {
		name := path.Join(one("", "", "d", "d/e", "ü", ".hidden"), fmt.Sprintf("%s%d", one("a", "Z", "ß日", " b", "-"), i))
		included = append(included, file(name, []fs.FileMode{0o644, 0o755}[r.IntN(2)]))
	}
	alone := Spec{File: BootstrapZip, Architecture: lambda.ARM64, Entries: append([]Entry{file("bootstrap", 0o755)}, included...)}
	legacy := one("lambda", "main", "bin/foo", "d/x", "my handler", "größe", "bootstrap", "")
	dual := Spec{File: DualZip, Legacy: legacy, Architecture: lambda.X86_64, Entries: slices.Clone(alone.Entries)}
	switch {
	case legacy == "":
		return []Spec{alone}, contents
	case legacy == "bootstrap":
	case r.IntN(2) == 0:
		dual.Entries[0] = Entry{Name: "bootstrap", Link: legacy}
		fallthrough
	default:
		dual.Entries = append(dual.Entries, file(legacy, 0o755))
	}
	r.Shuffle(len(dual.Entries), func(i, j int) { dual.Entries[i], dual.Entries[j] = dual.Entries[j], dual.Entries[i] })
	return []Spec{dual, alone}, contents
}
