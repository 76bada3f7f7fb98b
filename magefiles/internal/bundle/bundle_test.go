package bundle

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/lambda"
)

// sources writes two files of known content that is worth compressing.
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
		put(t, *path, content.Bytes())
	}
	return legacy, bootstrap
}

// specs returns the zips of two binaries, whose legacy binary has the name, and
// of included files: lambda.zip, unless legacy is "", and bootstrap.zip.
func specs(name, legacy, bootstrap string, included ...Entry) []Spec {
	alone := Spec{File: BootstrapZip, Architecture: lambda.X86_64, Entries: append([]Entry{
		{Name: lambda.Bootstrap, Path: bootstrap, Mode: 0o755},
	}, included...)}
	if legacy == "" {
		return []Spec{alone}
	}
	dual := Spec{File: DualZip, Legacy: name, Architecture: lambda.X86_64, Entries: append([]Entry{
		{Name: name, Path: legacy, Mode: 0o755},
	}, alone.Entries...)}
	return []Spec{dual, alone}
}

// pair returns the zips of two binaries.
func pair(legacy, bootstrap string) []Spec { return specs("lambda", legacy, bootstrap) }

func TestCheck(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "binary")
	put(t, binary, []byte("binary"))
	file := func(name string) Entry { return Entry{Name: name, Path: binary, Mode: 0o644} }
	boot := Entry{Name: "bootstrap", Path: binary, Mode: 0o755}
	for _, test := range []struct {
		name   string
		legacy string
		add    []Entry
		err    string
	}{
		{name: "bootstrap"},
		{name: "files", add: []Entry{file("a/b"), file("a.b"), file("a/c"), file("ä")}},
		{name: "a link", legacy: "main", add: []Entry{{Name: "main", Path: binary, Mode: 0o755}, {Name: "x/y", Link: "../main"}}},
		{name: "an included bootstrap", add: []Entry{{Name: "bootstrap", Path: "their/bootstrap", Mode: 0o644}},
			err: `would hold two files named "bootstrap": BINARY and their/bootstrap; leave one out of include`},
		{name: "an included legacy binary", legacy: "main", add: []Entry{{Name: "main", Path: binary, Mode: 0o755}, {Name: "main", Path: "main"}},
			err: `would hold two files named "main": BINARY and main`},
		{name: "a file below a file", legacy: "bin", add: []Entry{{Name: "bin", Path: binary, Mode: 0o755}, {Name: "bin/x/y", Path: "include/me"}},
			err: `would hold "bin" as a file (BINARY) and as the directory of "bin/x/y" (include/me)`},
		{name: "a file below a link", add: []Entry{{Name: "l", Link: "bootstrap"}, file("l/x")}, err: `would hold "l" as a file (a symbolic link to bootstrap) and as the directory of "l/x"`},
		{name: "a name that leaves", add: []Entry{file("../x")}, err: `cannot hold BINARY as "../x": Lambda unpacks names such as "dir/file" only`},
		{name: "an absolute name", add: []Entry{file("/x")}, err: "cannot hold"},
		{name: "no name", add: []Entry{file("")}, err: "cannot hold"},
		{name: "a name with a dot", add: []Entry{file("./x")}, err: "cannot hold"},
		{name: "a dot", add: []Entry{file(".")}, err: "cannot hold"},
		{name: "a name of Windows", add: []Entry{file(`a\b`)}, err: "cannot hold"},
		{name: "a name that is not UTF-8", add: []Entry{file("a\xff")}, err: "cannot hold"},
		{name: "a link that leaves", add: []Entry{{Name: "x", Link: "../bootstrap"}}, err: `would hold "x" as a symbolic link to "../bootstrap", which is not in it`},
		{name: "an absolute link", add: []Entry{{Name: "x", Link: "/bootstrap"}}, err: "which is not in it"},
		{name: "a missing legacy binary", legacy: "main", err: `would hold no executable "main"`},
		{name: "a legacy binary without its mode", legacy: "main", add: []Entry{file("main")}, err: `would hold no executable "main"`},
		{name: "a missing file", add: []Entry{{Name: "x", Path: binary + "-missing"}}, err: "no such file"},
		{name: "a directory", add: []Entry{{Name: "x", Path: filepath.Dir(binary)}}, err: "it is not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := Spec{File: DualZip, Legacy: test.legacy, Entries: append([]Entry{boot}, test.add...)}
			err := spec.check()
			if want := strings.ReplaceAll(test.err, "BINARY", binary); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	sparse := func(name string, size int64) Entry {
		t.Helper()
		path := filepath.Join(dir, name)
		put(t, path, nil)
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		return Entry{Name: name, Path: path, Mode: 0o755}
	}
	bootstrap := sparse("bootstrap", lambda.MaxUnzipped/2)
	for size, want := range map[int64]string{
		lambda.MaxUnzipped/2 - 1: "",
		lambda.MaxUnzipped / 2:   "bootstrap.zip would unzip to 262,144,000 bytes (250.0 MB); Lambda accepts less than 262,144,000 bytes (250.0 MB); the largest file is bootstrap with 125.0 MB",
		lambda.MaxUnzipped:       "bootstrap.zip would unzip to 393,216,000 bytes (375.0 MB); Lambda accepts less than 262,144,000 bytes (250.0 MB); the largest file is data with 250.0 MB",
	} {
		s := Spec{File: BootstrapZip, Entries: []Entry{bootstrap, sparse("data", size)}}
		if err := s.check(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	s := Spec{File: BootstrapZip, Entries: []Entry{sparse("bootstrap", lambda.MaxUnzipped)}}
	bin := t.TempDir()
	if _, err := NewPacker(bin).Pack(t.Context(), "a", s); err == nil {
		t.Error("a large zip is written")
	}
	if files := list(t, bin); len(files) > 0 {
		t.Errorf("left in the directory: %v", files)
	}
}

func TestComment(t *testing.T) {
	for _, legacy := range []string{"", "lambda", "bin/foo", "my handler", "bootstrap"} {
		got, _, made := parseComment(Spec{Legacy: legacy}.comment())
		if got != legacy || !made {
			t.Errorf("the comment of %q is read as %q, made %t", legacy, got, made)
		}
	}
	for _, comment := range []string{"", "dual", "dualbootx", "dualboot\nx", "made by dualboot"} {
		if _, _, made := parseComment(comment); made {
			t.Errorf("the comment %q is believed", comment)
		}
	}
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
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
