package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
)

// binaries writes two files of known content that is worth compressing.
func sources(t *testing.T) (legacy, bootstrap string) {
	t.Helper()
	dir := t.TempDir()
	for seed, path := range []*string{&legacy, &bootstrap} {
		words := rand.New(rand.NewPCG(uint64(seed), 1))
		var content bytes.Buffer
		for range 50_000 {
			content.WriteString([]string{"lambda ", "bootstrap ", "go1.x ", "provided.al2023\n"}[words.IntN(4)])
		}
		*path = filepath.Join(dir, []string{"a", "b"}[seed])
		if err := os.WriteFile(*path, content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return legacy, bootstrap
}

func mustWrite(t *testing.T, dir, legacy, bootstrap string) lambda.Zips {
	t.Helper()
	b, err := write(dir, legacy, bootstrap, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden holds the bytes of the zips still. When the compressor changes
// them, every function is deployed anew once: let that be a decision. What this
// package itself changes must raise format.
func TestGolden(t *testing.T) {
	legacy, bootstrap := sources(t)
	b := mustWrite(t, t.TempDir(), legacy, bootstrap)
	for name, want := range map[string]struct{ got, want string }{
		"lambda.zip":    {b.Dual.CodeSha256, "xFamXl5veo8HLMlqeit1ecDWMTwQV07bDsR8nKfsL4Q="},
		"bootstrap.zip": {b.Bootstrap.CodeSha256, "thSSPwqx1euW8ZH+ZktMNhw4WReOyxxtdJGVFegOIrQ="},
	} {
		if want.got != want.want {
			t.Errorf("CodeSha256 of %s is %s, want %s", name, want.got, want.want)
		}
	}
}

func TestContent(t *testing.T) {
	legacy, bootstrap := sources(t)
	dir := t.TempDir()
	b := mustWrite(t, dir, legacy, bootstrap)
	paths := map[string]string{"lambda": legacy, "bootstrap": bootstrap}
	for _, test := range []struct {
		got   *lambda.Package
		path  string
		files []string
	}{
		{b.Dual, filepath.Join(dir, "lambda.zip"), []string{"bootstrap", "lambda"}},
		{b.Bootstrap, filepath.Join(dir, "bootstrap.zip"), []string{"bootstrap"}},
	} {
		if test.got.Path != test.path || !slices.Equal(test.got.Files, test.files) {
			t.Errorf("package %+v, want %s with %v", test.got, test.path, test.files)
		}
		data, err := os.ReadFile(test.path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if want := base64.StdEncoding.EncodeToString(sum[:]); test.got.CodeSha256 != want {
			t.Errorf("CodeSha256 %s, want %s", test.got.CodeSha256, want)
		}
		if test.got.Size != int64(len(data)) {
			t.Errorf("size %d, want %d", test.got.Size, len(data))
		}
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var unzipped int64
		for i, f := range r.File {
			if f.Name != test.files[i] {
				t.Errorf("file %d is %s, want %s", i, f.Name, test.files[i])
			}
			if f.Mode() != 0o755 {
				t.Errorf("mode of %s is %v", f.Name, f.Mode())
			}
			if want := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); !f.Modified.Equal(want) {
				t.Errorf("%s was modified at %v, want %v", f.Name, f.Modified, want)
			}
			if len(f.Extra) > 0 || f.Flags&8 != 0 {
				t.Errorf("%s has extra fields %x, flags %x", f.Name, f.Extra, f.Flags)
			}
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := os.ReadFile(paths[f.Name])
			if !bytes.Equal(got, want) {
				t.Errorf("content of %s differs", f.Name)
			}
			unzipped += int64(len(got))
		}
		if test.got.Unzipped != unzipped {
			t.Errorf("unzipped %d, want %d", test.got.Unzipped, unzipped)
		}
	}
}

func TestSameBytes(t *testing.T) {
	legacy, bootstrap := sources(t)
	first := mustWrite(t, t.TempDir(), legacy, bootstrap)

	// Neither modes and times of the binaries nor the zone count.
	for _, path := range []string{legacy, bootstrap} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	defer func(zone *time.Location) { time.Local = zone }(time.Local)
	time.Local = time.FixedZone("far", 13*3600)
	second := mustWrite(t, t.TempDir(), legacy, bootstrap)
	if first.Dual.CodeSha256 != second.Dual.CodeSha256 || first.Bootstrap.CodeSha256 != second.Bootstrap.CodeSha256 {
		t.Errorf("the same binaries give other bytes: %+v, %+v", first.Dual, second.Dual)
	}
}

func TestWithoutLambda(t *testing.T) {
	legacy, bootstrap := sources(t)
	dir := t.TempDir()
	mustWrite(t, dir, legacy, bootstrap)
	b := mustWrite(t, dir, "", bootstrap)
	if b.Dual != nil {
		t.Errorf("there is a dual zip without lambda: %+v", b.Dual)
	}
	if files := list(t, dir); !slices.Equal(files, []string{"bootstrap.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}
}

func TestNothingHalfWritten(t *testing.T) {
	legacy, bootstrap := sources(t)
	dir := t.TempDir()
	if _, err := write(dir, legacy, bootstrap+"-missing", ""); err == nil {
		t.Error("a missing binary is no error")
	}
	if files := list(t, dir); len(files) > 0 {
		t.Errorf("a failed run leaves %v", files)
	}

	// An entry that cannot be replaced fails the run and leaves no temporary file.
	if err := os.MkdirAll(filepath.Join(dir, "bootstrap.zip", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := write(dir, legacy, bootstrap, ""); err == nil {
		t.Error("a zip that cannot be written is no error")
	}
	if files := list(t, dir); !slices.Equal(files, []string{"bootstrap.zip"}) {
		t.Errorf("a failed run leaves %v", files)
	}
}

func TestTooLarge(t *testing.T) {
	// A sparse file of zeros: large to unpack, small to pack.
	path := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, lambda.MaxUnzipped/2); err != nil {
		t.Fatal(err)
	}
	file, err := Compress("bootstrap", path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := Zip(filepath.Join(dir, "fits.zip"), file, file); err != nil {
		t.Errorf("exactly the limit is refused: %v", err)
	}
	one := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(one, []byte{1}, 0o600); err != nil {
		t.Fatal(err)
	}
	extra, err := Compress("lambda", one)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Zip(filepath.Join(dir, "large.zip"), file, file, extra)
	if err == nil || !strings.Contains(err.Error(), "(bootstrap + bootstrap + lambda) would unzip to 262,144,001 bytes (250.0 MB); Lambda's limit is 262,144,000 bytes (250.0 MB)") {
		t.Errorf("error %v", err)
	}
	if files := list(t, dir); !slices.Equal(files, []string{"fits.zip"}) {
		t.Errorf("left in the directory: %v", files)
	}
}

func TestReadNoticesAnotherZip(t *testing.T) {
	legacy, bootstrap := sources(t)
	b := mustWrite(t, t.TempDir(), legacy, bootstrap)
	if _, err := b.Dual.Read(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.Dual.Path, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Dual.Read(); err == nil || !strings.Contains(err.Error(), "has changed since it was built") {
		t.Errorf("error %v", err)
	}
}

func TestUnzip(t *testing.T) {
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("unzip is not installed")
	}
	legacy, bootstrap := sources(t)
	b := mustWrite(t, t.TempDir(), legacy, bootstrap)
	dir := t.TempDir()
	if out, err := exec.Command(unzip, "-q", b.Dual.Path, "-d", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("unzip: %v\n%s", err, out)
	}
	for name, source := range map[string]string{"lambda": legacy, "bootstrap": bootstrap} {
		path := filepath.Join(dir, name)
		got, _ := os.ReadFile(path)
		want, _ := os.ReadFile(source)
		if hash(got) != hash(want) {
			t.Errorf("content of %s differs", name)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s is not executable: %v %v", name, info.Mode(), err)
		}
	}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
