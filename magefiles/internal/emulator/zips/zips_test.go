package zips

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"debug/elf"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const maxUnzipped = 262144000

// entry is a file or a directory in a zip.
type entry struct {
	name    string
	mode    fs.FileMode
	content string
}

func makeZip(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Store}
		header.SetMode(e.mode)
		out, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(out, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// rawZip returns a zip of one entry with a header that need not be true.
func rawZip(t testing.TB, header *zip.FileHeader, content []byte) []byte {
	t.Helper()
	header.CompressedSize64 = uint64(len(content))
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	out, err := w.CreateRaw(header)
	if err == nil {
		_, err = out.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// zeros returns n zeros, deflated.
func zeros(t testing.TB, n int) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w, err := flate.NewWriter(&buffer, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(make([]byte, n))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// hostile is a zip that must be refused.
type hostile struct {
	zip     []byte
	message string // the end of it
}

func hostileZips(t testing.TB) map[string]hostile {
	const (
		broken   = "Could not unzip uploaded file. Please check your file, then try to upload again."
		tooLarge = "Unzipped size must be smaller than 262144000 bytes"
	)
	plain := func(name string, mode fs.FileMode) []byte { return makeZip(t, entry{name, mode, "x"}) }
	deflated := func(declared uint64, n int) []byte {
		return rawZip(t, &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, UncompressedSize64: declared}, zeros(t, n))
	}
	sum := crc32.ChecksumIEEE([]byte("x"))
	many := make([]entry, 20001)
	for i := range many {
		many[i] = entry{fmt.Sprint(i), 0o644, ""}
	}
	deep := make([]entry, 40) // of 40 × 501 directories and files
	for i := range deep {
		deep[i] = entry{fmt.Sprint(10+i, strings.Repeat("/d", 500)), 0o644, ""}
	}
	return map[string]hostile{
		"no zip":                  {[]byte("MZ"), broken},
		"no bytes":                {nil, "Uploaded file must be a non-empty zip"},
		"truncated":               {plain("a", 0o644)[:40], broken},
		"no entries":              {makeZip(t), "Uploaded file must be a non-empty zip"},
		"absolute":                {plain("/etc/x", 0o644), `entry "/etc/x" is not a plain relative path.`},
		"parent":                  {plain("../x", 0o644), `entry "../x" is not a plain relative path.`},
		"hidden parent":           {plain("a/../../x", 0o644), `entry "a/../../x" is not a plain relative path.`},
		"dot":                     {plain("./x", 0o644), `entry "./x" is not a plain relative path.`},
		"only a dot":              {makeZip(t, entry{"./", 0o755 | fs.ModeDir, ""}), `entry "./" is not a plain relative path.`},
		"only a slash":            {makeZip(t, entry{"/", 0o755 | fs.ModeDir, ""}), `entry "/" is not a plain relative path.`},
		"no name":                 {plain("", 0o644), `entry "" is not a plain relative path.`},
		"double slash":            {plain("a//x", 0o644), `entry "a//x" is not a plain relative path.`},
		"backslash":               {plain(`..\x`, 0o644), `entry "..\\x" is not a plain relative path.`},
		"inner backslash":         {plain(`a\b`, 0o644), `entry "a\\b" is not a plain relative path.`},
		"drive":                   {plain("C:x", 0o644), `entry "C:x" is not a plain relative path.`},
		"zero byte":               {plain("a\x00b", 0o644), `entry "a\x00b" is not a plain relative path.`},
		"no UTF-8":                {plain("a\xff", 0o644), `entry "a\xff" is not a plain relative path.`},
		"long name":               {plain(strings.Repeat("x", 1025), 0o644), "… is longer than 1024 bytes."},
		"long element":            {plain("a/"+strings.Repeat("é", 128)+"/b", 0o644), "… is longer than 255 bytes."},
		"long directory":          {makeZip(t, entry{strings.Repeat("x", 256) + "/", 0o755 | fs.ModeDir, ""}), "… is longer than 255 bytes."},
		"long link":               {makeZip(t, entry{strings.Repeat("x", 256), 0o777 | fs.ModeSymlink, "a"}), "… is longer than 255 bytes."},
		"symbolic link":           {makeZip(t, entry{"bootstrap", 0o777 | fs.ModeSymlink, "/bin/sh"}), `entry "bootstrap" is a symbolic link to "/bin/sh", which is not inside the package.`},
		"link to the parent":      {makeZip(t, entry{"a/b", 0o777 | fs.ModeSymlink, "../../x"}), `entry "a/b" is a symbolic link to "../../x", which is not inside the package.`},
		"link to the package":     {makeZip(t, entry{"a/b", 0o777 | fs.ModeSymlink, "../.."}), `entry "a/b" is a symbolic link to "../..", which is not inside the package.`},
		"link to nothing":         {makeZip(t, entry{"a", 0o777 | fs.ModeSymlink, ""}), `entry "a" is a symbolic link to "", which is not inside the package.`},
		"link with a long target": {makeZip(t, entry{"a", 0o777 | fs.ModeSymlink, strings.Repeat("x", 1025)}), "which is not inside the package."},
		"file through a link":     {makeZip(t, entry{"a", 0o777 | fs.ModeSymlink, "b"}, entry{"b/", 0o755 | fs.ModeDir, ""}, entry{"a/x", 0o644, ""}), `entry "a/x" is in "a", which is a file.`},
		"pipe":                    {plain("bootstrap", 0o644|fs.ModeNamedPipe), `entry "bootstrap" is not a regular file or a symbolic link.`},
		"device":                  {plain("bootstrap", 0o644|fs.ModeDevice), `entry "bootstrap" is not a regular file or a symbolic link.`},
		"directory without slash": {makeZip(t, entry{"bootstrap", 0o755 | fs.ModeDir, ""}), `entry "bootstrap" is not a regular file or a symbolic link.`},
		"directory with content":  {bytes.ReplaceAll(plain("a|", 0o644), []byte("a|"), []byte("a/")), `directory "a/" has content.`},
		"duplicate":               {makeZip(t, entry{"a", 0o644, ""}, entry{"a", 0o644, ""}), `entry "a" is a duplicate.`},
		"file and directory":      {makeZip(t, entry{"a", 0o644, ""}, entry{"a/", 0o755 | fs.ModeDir, ""}), `entry "a/" is a duplicate.`},
		"directory and file":      {makeZip(t, entry{"a/", 0o755 | fs.ModeDir, ""}, entry{"a", 0o644, ""}), `entry "a" is a duplicate.`},
		"directory twice":         {makeZip(t, entry{"a/", 0o755 | fs.ModeDir, ""}, entry{"a/", 0o755 | fs.ModeDir, ""}), `entry "a/" is a duplicate.`},
		"file in a file":          {makeZip(t, entry{"a/b/c", 0o644, ""}, entry{"a", 0o644, ""}), `entry "a/b/c" is in "a", which is a file.`},
		"file before its child":   {makeZip(t, entry{"a", 0o644, ""}, entry{"a/b/c", 0o644, ""}), `entry "a/b/c" is in "a", which is a file.`},
		"too many entries":        {makeZip(t, many...), "the zip has 20001 entries, and the emulator accepts at most 20000."},
		"too many directories":    {makeZip(t, deep...), "the zip has more than 20000 files and directories, the most that the emulator accepts."},
		"encrypted":               {rawZip(t, &zip.FileHeader{Name: "a", Flags: 1, CRC32: sum, UncompressedSize64: 1}, []byte("x")), `entry "a" is encrypted.`},
		"unknown method":          {rawZip(t, &zip.FileHeader{Name: "a", Method: 12, UncompressedSize64: 1}, []byte("x")), broken},
		"wrong checksum":          {rawZip(t, &zip.FileHeader{Name: "a", CRC32: sum + 1, UncompressedSize64: 1}, []byte("x")), broken},
		"too large":               {deflated(maxUnzipped, 10), tooLarge},
		"declared size is false":  {deflated(maxUnzipped-1, 10), broken},
		"bomb":                    {deflated(10, 1_000_000), broken},
		"declared size of 2^63":   {deflated(1<<63, 10), tooLarge},
		"declared size of 2^64-1": {deflated(1<<64-1, 10), tooLarge},
	}
}

func TestHostileZips(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), maxUnzipped)
	for name, hostile := range hostileZips(t) {
		t.Run(name, func(t *testing.T) {
			_, err := s.Add(hostile.zip)
			if _, ok := errors.AsType[Refusal](err); !ok || !strings.HasSuffix(err.Error(), hostile.message) {
				t.Errorf("error is %v, want a refusal …%s", err, hostile.message)
			}
		})
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
		t.Errorf("refused zips leave %v, %v", left, err)
	}
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), 11)
	content := makeZip(t,
		entry{"bootstrap", 0o755, "#!/bin/sh\n"},
		entry{"etc/", 0o755 | fs.ModeDir, ""},
		entry{"etc/empty", 0o644, ""},
		entry{"deep/er/secret", 0o600, ""},
		entry{"owner", 0o744, ""},
		entry{"unreadable", 0, ""},
		entry{"setuid", 0o755 | fs.ModeSetuid, ""},
	)
	p, err := s.Add(content)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release(p)
	want := []string{"bootstrap", "deep/er/secret", "etc/empty", "owner", "setuid", "unreadable"}
	if got := p.Files(); !cmp.Equal(got, want) || p.Size != int64(len(content)) || len(p.CodeSha256) != 44 {
		t.Errorf("files are %v, want %v; size %d, digest %s", got, want, p.Size, p.CodeSha256)
	}
	for name, want := range map[string]error{"bootstrap": nil, "setuid": nil, "owner": syscall.EACCES, "etc/empty": syscall.EACCES, "none": syscall.ENOENT, "etc": syscall.ENOENT} {
		if err := p.Startable(name, elf.EM_X86_64); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if runtime.GOOS == "windows" {
		return // without modes
	}
	for name, mode := range map[string]fs.FileMode{
		".": 0o555 | fs.ModeDir, "bootstrap": 0o555, "etc": 0o555 | fs.ModeDir, "etc/empty": 0o444, "deep/er": 0o555 | fs.ModeDir,
		"deep/er/secret": 0o400, "owner": 0o544, "unreadable": 0o400, "setuid": 0o555,
	} {
		if info, err := os.Lstat(filepath.Join(p.Root, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, mode)
		}
	}
}

// A zip at the limits of names and directories is unpacked and removed again.
func TestUnpackAtTheLimits(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), maxUnzipped)
	names := []string{
		strings.Repeat("d/", 511) + "ab", // 1024 bytes
		strings.Repeat("é", 127) + "x",   // 255 bytes
		"d/e/",                           // beside what the first implies
	}
	var entries []entry
	for _, name := range names[:2] {
		entries = append(entries, entry{name, 0o755, "x"})
	}
	p, err := s.Add(makeZip(t, append(entries, entry{names[2], 0o755 | fs.ModeDir, ""})...))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Files(); !cmp.Equal(got, names[:2]) {
		t.Errorf("files are %v", got)
	}
	s.Release(p)
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
		t.Errorf("the release leaves %v, %v", left, err)
	}
}

// Directories count once, whether entries or implied, up to the limit.
func TestTreeLimit(t *testing.T) {
	t.Parallel()
	names := tree{}
	for i := range maxEntries - 2 {
		if err := names.add(fmt.Sprintf("a/b/%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a/", "a/b/"} {
		if err := names.add(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := names.add("a/c"); err == nil {
		t.Errorf("%d files and directories are accepted", len(names))
	}
}

// What a file system does not take is refused; other errors are the emulator's.
func TestRefusedByHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "openat", Path: "a", Err: syscall.ENAMETOOLONG}, `Could not unzip uploaded file: this machine cannot store "a": file name too long.`},
		{&fs.PathError{Op: "mkdirat", Path: "A", Err: syscall.EEXIST}, `Could not unzip uploaded file: this machine cannot store "A": file exists.`},
		{&os.LinkError{Op: "symlinkat", Old: "x", New: "l", Err: syscall.EILSEQ}, `Could not unzip uploaded file: this machine cannot store "l": ` + syscall.EILSEQ.Error() + "."},
		{&fs.PathError{Op: "write", Path: "a", Err: syscall.ENOSPC}, ""},
		{errBroken, errBroken.Error()},
		{nil, ""},
	} {
		got, _ := errors.AsType[Refusal](refusedByHost(test.err))
		if string(got) != test.want {
			t.Errorf("%v is refused with %q, want %q", test.err, got, test.want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), 1000)
	p, err := s.Add(makeZip(t,
		entry{"bin/foo", 0o755, "#!/bin/sh\n"},
		entry{"bootstrap", 0o777 | fs.ModeSymlink, "bin/foo"},
		entry{"lib/twice", 0o755 | fs.ModeSymlink, "../bootstrap"},
		entry{"plain", 0o644, "x"},
		entry{"to-plain", 0o777 | fs.ModeSymlink, "plain"},
		entry{"dangling", 0o777 | fs.ModeSymlink, "missing"},
		entry{"loop", 0o777 | fs.ModeSymlink, "pool"},
		entry{"pool", 0o777 | fs.ModeSymlink, "loop"},
	))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release(p)
	for name, want := range map[string]error{
		"bootstrap": nil, "lib/twice": nil, "to-plain": fs.ErrPermission, "dangling": fs.ErrNotExist, "loop": syscall.ELOOP,
	} {
		if err := p.Startable(name, elf.EM_NONE); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if data, err := os.ReadFile(filepath.Join(p.Root, "lib", "twice")); err != nil || string(data) != "#!/bin/sh\n" {
		t.Errorf("the link leads to %q: %v", data, err)
	}
}

func TestUnpackedSize(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), 11)
	two := func(size int) []byte {
		return makeZip(t, entry{"a", 0o644, "12345"}, entry{"b", 0o644, strings.Repeat("x", size)})
	}
	p, err := s.Add(two(5))
	if err != nil {
		t.Errorf("10 bytes: %v", err)
	}
	s.Release(p)
	if _, err := s.Add(two(6)); err == nil || err.Error() != "Unzipped size must be smaller than 11 bytes" {
		t.Errorf("11 bytes: %v", err)
	}
	lying := rawZip(t, &zip.FileHeader{Name: "a", Method: zip.Deflate, UncompressedSize64: 5}, zeros(t, 1000))
	if _, err := s.Add(lying); !errors.Is(err, errBroken) {
		t.Errorf("1000 bytes declared as 5: %v", err)
	}
}

// foreignELF returns the file header of a program for a machine.
func foreignELF(machine elf.Machine) string {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01") // 64 bits, little-endian
	header[16] = 2                      // an executable
	header[18] = byte(machine)
	header[20] = 1
	header[52] = 64 // the size of this header
	return string(header)
}

func TestMachine(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), maxUnzipped)
	p, err := s.Add(makeZip(t, entry{"arm", 0o755, foreignELF(elf.EM_AARCH64)}, entry{"script", 0o755, "#!/bin/sh\n"}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release(p)
	for _, test := range []struct {
		name    string
		machine elf.Machine
		want    error
	}{
		{"arm", elf.EM_AARCH64, nil},
		{"arm", elf.EM_X86_64, syscall.ENOEXEC},
		{"arm", elf.EM_NONE, nil},
		{"script", elf.EM_X86_64, nil},
	} {
		if err := p.Startable(test.name, test.machine); !errors.Is(err, test.want) {
			t.Errorf("%s on %s: %v, want %v", test.name, test.machine, err, test.want)
		}
	}
}

// Equal zips are one package, which is on disk as long as it has users.
func TestStoreKeepsPackagesInUse(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), maxUnzipped)
	content := makeZip(t, entry{"a", 0o644, "x"})
	packages := make([]*Package, 4)
	var all sync.WaitGroup
	for i := range packages {
		all.Go(func() { packages[i], _ = s.Add(content) })
	}
	all.Wait()
	p := packages[0]
	for _, other := range packages {
		if other == nil || other != p {
			t.Fatalf("equal zips are packages %v", packages)
		}
	}
	if s.Find(p.CodeSha256) != p || s.Find("none") != nil {
		t.Error("Find does not return the package by its digest")
	}
	s.Keep(p)
	s.Keep(nil)
	s.Release(nil)
	for range len(packages) + 1 {
		s.Release(p)
	}
	if kept, err := os.ReadFile(p.Zip); err != nil || !bytes.Equal(kept, content) {
		t.Errorf("the zip of a package in use: %v", err)
	}
	s.Release(p)
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 || s.Find(p.CodeSha256) != nil {
		t.Errorf("the last release leaves %v, %v", left, err)
	}
}

// Whatever is added, nothing is written outside of the package's directory, and
// only files and directories are in it.
func FuzzAdd(f *testing.F) {
	for name, hostile := range hostileZips(f) {
		if !strings.HasPrefix(name, "too many ") {
			f.Add(hostile.zip)
		}
	}
	f.Add(makeZip(f, entry{"bootstrap", 0o755, "x"}, entry{"a/b", 0o644, ""}))
	f.Fuzz(func(t *testing.T, content []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "store")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		defer RemoveTree(dir)
		p, err := NewStore(dir, maxUnzipped).Add(content)
		if entries, _ := os.ReadDir(parent); len(entries) != 1 {
			t.Fatalf("the store's directory has neighbours: %v", entries)
		}
		found := 0
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				t.Errorf("%s: %v", path, err)
			case entry.Type().IsRegular():
				found++
			case !entry.IsDir():
				t.Errorf("%s is %v", path, entry.Type())
			}
			return nil
		})
		want := 0
		if err == nil {
			want = len(p.Files()) + 1 // and the zip
		}
		if found != want {
			t.Errorf("%d files, want %d; error %v", found, want, err)
		}
	})
}
