package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// made is a file of a zip that another tool made.
type made struct {
	name, content string
	mode          fs.FileMode
}

// foreignZip writes a zip as another tool makes it: in any order, with times of its
// own, compressed and not, with data descriptors and without.
func foreignZip(t *testing.T, files ...made) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range files {
		h := &zip.FileHeader{Name: f.name, Modified: time.Date(2019, 3, 1+i, 12, 30, 2, 0, time.UTC), Method: uint16(i % 2 * 8), Comment: "c"}
		h.SetMode(f.mode)
		body, err := w.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(body, f.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "deployed.zip")
	put(t, path, out.Bytes())
	return path
}

// open opens a zip as a deployed one.
func open(t *testing.T, path string) *Deployed {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := OpenDeployed(path, lambda.CodeSha256(sha256.Sum256(data)), lambda.X86_64)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// files returns the entries of a zip by name: what must stay as it is.
func entriesOf(t *testing.T, d *Deployed) (names []string, of map[string]any) {
	t.Helper()
	of = map[string]any{}
	for _, f := range d.zip.File {
		raw, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(raw)
		if err != nil {
			t.Fatal(err)
		}
		h := f.FileHeader
		h.Name = ""
		names = append(names, f.Name)
		of[f.Name] = struct {
			Header zip.FileHeader
			Raw    string
		}{h, string(data)}
	}
	return names, of
}

func toDual(legacy string) Derivation {
	return Derivation{Legacy: legacy, Architecture: lambda.X86_64}
}

var toClean = Derivation{Architecture: lambda.X86_64}

func derived(t *testing.T, d *Deployed, s Derivation) *lambda.Package {
	t.Helper()
	p, err := NewPacker(t.TempDir()).Derive(t.Context(), "f", d, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDerive makes a dual zip, and from that a clean one.
func TestDerive(t *testing.T) {
	x := open(t, foreignZip(t, made{"z/", "", fs.ModeDir | 0o755}, made{"z/データ.txt", strings.Repeat("data ", 1000), 0o600},
		made{"bin/main", "program", 0o755}, made{"empty/", "", fs.ModeDir | 0o755}, made{"tool", "tool", 0o777}, made{"link", "tool", fs.ModeSymlink | 0o777}))
	names, before := entriesOf(t, x)

	p := derived(t, x, toDual("bin/main"))
	if p.Replaces != x.Package.CodeSha256 || p.Legacy != "bin/main" || p.Architecture != lambda.X86_64 {
		t.Errorf("got %+v", p)
	}
	wantFiles := []string{"bin/main", "bootstrap", "empty/", "link", "tool", "z/データ.txt"}
	if diff := cmp.Diff(p.Files, wantFiles); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.Programs, []string{"link", "tool"}); diff != "" {
		t.Error(diff)
	}
	dual := open(t, p.Path)
	if p.Size != dual.Package.Size || p.Unzipped != x.Package.Unzipped+int64(len("bin/main")) {
		t.Errorf("got sizes %d and %d", p.Size, p.Unzipped)
	}
	dualNames, after := entriesOf(t, dual)
	if diff := cmp.Diff(dualNames, append(names, "bootstrap")); diff != "" {
		t.Error(diff)
	}
	for _, name := range names {
		if diff := cmp.Diff(before[name], after[name]); diff != "" {
			t.Errorf("%s is not what it was: %s", name, diff)
		}
	}
	if lost, disabled := Lost(contents(&x.zip.Reader), p, "bin/main", nil); len(lost)+len(disabled) > 0 {
		t.Errorf("%v are lost, and %v disabled", lost, disabled)
	}
	for _, path := range []string{"bin/main", "bootstrap"} {
		var program strings.Builder
		if err := dual.Extract(path, &program); err != nil || program.String() != "program" {
			t.Errorf("%s has %q, %v", path, program.String(), err)
		}
	}

	c := derived(t, dual, toClean)
	clean := open(t, c.Path)
	cleanNames, last := entriesOf(t, clean)
	if diff := cmp.Diff(cleanNames, []string{"z/", "z/データ.txt", "bootstrap", "empty/", "tool", "link"}); diff != "" || c.Legacy != "" {
		t.Errorf("legacy %q, %s", c.Legacy, diff)
	}
	if diff := cmp.Diff(before["bin/main"], last["bootstrap"]); diff != "" {
		t.Error(diff)
	}
	if lost, disabled := Lost(contents(&dual.zip.Reader), c, "bin/main", nil); len(lost)+len(disabled) > 0 {
		t.Errorf("%v are lost, and %v disabled", lost, disabled)
	}

	// The same zip gives the same bytes, and one that is as wanted gives itself.
	for _, again := range []struct {
		from *Deployed
		spec Derivation
		want *lambda.Package
	}{{x, toDual("bin/main"), p}, {dual, toDual("bin/main"), p}, {dual, toClean, c}, {clean, toClean, c}} {
		if got := derived(t, again.from, again.spec); got.CodeSha256 != again.want.CodeSha256 {
			t.Errorf("%s made of %s has other bytes", again.want.Path, again.from.Package.Path)
		}
	}
}

// TestDeriveOthers makes zips from those that have a bootstrap already.
func TestDeriveOthers(t *testing.T) {
	main := made{"main", "program", 0o755}
	for _, test := range []struct {
		name        string
		files       []made
		legacy      string
		dual, clean string
	}{
		{"bootstrap alone", []made{{"bootstrap", "program", 0o755}, {"a", "", 0o644}}, "bootstrap", "bootstrap a", "bootstrap a"},
		{"a link", []made{{"bootstrap", "main", fs.ModeSymlink | 0o777}, main}, "main", "bootstrap main", "bootstrap"},
		{"a copy", []made{main, {"bootstrap", "program", 0o755}}, "main", "main bootstrap", "bootstrap"},
		{"unclean names", []made{{"./main", "program", 0o755}}, "main", "./main bootstrap", "bootstrap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dual := open(t, derived(t, open(t, foreignZip(t, test.files...)), toDual(test.legacy)).Path)
			names, _ := entriesOf(t, dual)
			if got := strings.Join(names, " "); got != test.dual || dual.Package.Legacy != test.legacy {
				t.Errorf("got %s with %q, want %s", got, dual.Package.Legacy, test.dual)
			}
			names, _ = entriesOf(t, open(t, derived(t, dual, toClean).Path))
			if got := strings.Join(names, " "); got != test.clean {
				t.Errorf("got %s, want %s", got, test.clean)
			}
		})
	}
	t.Run("two binaries of dualboot", func(t *testing.T) {
		dir := t.TempDir()
		legacy, bootstrap := filepath.Join(dir, "l"), filepath.Join(dir, "b")
		put(t, legacy, []byte("legacy"))
		put(t, bootstrap, []byte("bootstrap"))
		built, err := NewPacker(dir).Pack(t.Context(), "f", Spec{File: DualZip, Legacy: "lambda", Entries: []Entry{
			{Name: "lambda", Path: legacy, Mode: 0o755}, {Name: "bootstrap", Path: bootstrap, Mode: 0o755},
		}})
		if err != nil {
			t.Fatal(err)
		}
		clean := open(t, derived(t, open(t, built[0].Path), toClean).Path)
		var program strings.Builder
		if err := clean.Extract("bootstrap", &program); err != nil || program.String() != "bootstrap" || len(clean.zip.File) != 1 {
			t.Errorf("bootstrap of %d files has %q, %v", len(clean.zip.File), program.String(), err)
		}
	})
}

func TestDeriveRefusals(t *testing.T) {
	main := made{"main", "program", 0o755}
	for _, test := range []struct {
		files []made
		want  string
	}{
		{[]made{{"other", "", 0o755}}, `the zip has no file "main"`},
		{[]made{main, {"bootstrap", "another", 0o755}}, `its "bootstrap" is another file than "main", which go1.x starts, and nothing says that it is the same function`},
		{[]made{{"main", "bin/main", fs.ModeSymlink | 0o777}, {"bin/main", "", 0o755}}, `its "main" is not a regular file`},
		{[]made{main, {"./main", "other", 0o755}}, `lambda.zip would hold two files named "main"`},
		{[]made{main, {"../up", "", 0o644}}, `its file name "../up" is not one that Lambda unpacks, such as "dir/file"`},
	} {
		packer := NewPacker(t.TempDir())
		_, err := packer.Derive(t.Context(), "f", open(t, foreignZip(t, test.files...)), toDual("main"))
		if err == nil || err.Error() != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
		if left := list(t, packer.dir); len(left) > 0 {
			t.Errorf("left in the directory: %v", left)
		}
	}
	dual := open(t, derived(t, open(t, foreignZip(t, main, made{"alias", "./main", fs.ModeSymlink | 0o777})), toDual("main")).Path)
	_, err := NewPacker(t.TempDir()).Derive(t.Context(), "f", dual, toClean)
	if want := `its "alias" is a symbolic link to "main", which a cleanup removes`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	notExecutable := open(t, foreignZip(t, made{"main", "program", 0o644}))
	if err, want := notExecutable.Extract("main", io.Discard), `its "main" is not executable for everyone (mode 0644)`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestDerivedByOthers checks that a zip to which another tool has added a file does
// not count as one of dualboot.
func TestDerivedByOthers(t *testing.T) {
	p := derived(t, open(t, foreignZip(t, made{"main", "program", 0o755})), toDual("main"))
	dual := open(t, p.Path)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range dual.zip.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Create("added"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.SetComment(dual.zip.Comment), w.Close()); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), "changed.zip")
	put(t, changed, out.Bytes())
	if c := contents(&dual.zip.Reader); !c.Made || c.Legacy != "main" {
		t.Errorf("its own zip is read as %+v", c)
	}
	if c := contents(&open(t, changed).zip.Reader); c.Made || c.Legacy != "" {
		t.Errorf("the changed zip is read as %+v", c)
	}
}

func TestDownload(t *testing.T) {
	content := []byte("not a zip, but bytes")
	digest := lambda.CodeSha256(sha256.Sum256(content))
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.Header.Get("Range") != "" {
			t.Error("it asks for a part")
		}
		w.Write(content)
	}))
	defer server.Close()
	packer := NewPacker(t.TempDir())
	download := func(digest string, size int64) (string, error) {
		return packer.Download(context.Background(), server.Client(), server.URL+"/?X-Amz-Signature=secret", digest, size)
	}
	other := lambda.CodeSha256(sha256.Sum256(nil))
	for _, test := range []struct {
		digest string
		size   int64
		want   string
	}{
		{digest, 19, "the server sends 20 bytes, and CodeSize is 19"},
		{other, 20, "the server sends a zip with the digest " + digest + ", and CodeSha256 is " + other},
	} {
		if _, err := download(test.digest, test.size); err == nil || !strings.HasSuffix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
	if left := list(t, filepath.Join(packer.dir, ".deployed")); len(left) > 0 {
		t.Errorf("left in the directory: %v", left)
	}
	calls.Store(1)
	path, err := download(digest, 20)
	if err != nil || path != packer.DownloadPath(digest) {
		t.Fatal(path, err)
	}
	if _, err := download(digest, 20); err != nil || calls.Load() != 2 {
		t.Errorf("error %v, and %d calls", err, calls.Load())
	}
	put(t, path, []byte("damaged"))
	if _, err := download(digest, 20); err != nil || calls.Load() != 3 {
		t.Errorf("error %v, and %d calls", err, calls.Load())
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, content) {
		t.Errorf("got %q, %v", data, err)
	}
}

// TestDeriveZones adds a time zone database, which stays.
func TestDeriveZones(t *testing.T) {
	database := filepath.Join(t.TempDir(), "db")
	put(t, database, []byte("zones"))
	x := open(t, foreignZip(t, made{"main", "program", 0o755}))
	to := toDual("main")
	to.Zones = database
	p := derived(t, x, to)
	dual := open(t, p.Path)
	clean := open(t, derived(t, dual, toClean).Path)
	for _, d := range []*Deployed{dual, clean} {
		c := contents(&d.zip.Reader)
		if !c.Made || !c.Zones || !d.Package.Zones || !c.BringsZones() || !d.Package.Contents().Zones {
			t.Errorf("%s is read as %+v", d.Package.Path, c)
		}
		if text, err := read(d.find(lambda.ZonesFile)); err != nil || text != "zones" {
			t.Errorf("its database is %q, %v", text, err)
		}
	}
	if p.Unzipped != int64(len("program")+len("main")+len("zones")) || x.Package.Zones || contents(&x.zip.Reader).BringsZones() {
		t.Errorf("got %+v", p)
	}
	if again := derived(t, dual, toDual("main")); again.CodeSha256 != p.CodeSha256 {
		t.Error("the dual zip has other bytes")
	}
}
