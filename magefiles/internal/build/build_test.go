package build

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
)

// module writes files, by path, below a new directory. They import the standard
// library, and a small module in place of aws-lambda-go.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const hello = "package main\n\nimport (\n\t\"time\"\n\n\t\"github.com/aws/aws-lambda-go/lambda\"\n)\n\nfunc main() { lambda.Start(text + time.Now().String()) }\n"

// goMod returns a go.mod that takes aws-lambda-go from a directory.
func goMod(module, dir string) string {
	return "module " + module + "\n\ngo 1.26\n\nrequire " + sdk + " v1.55.1\n\nreplace " + sdk + " => " + dir + "\n"
}

func simple() map[string]string {
	return map[string]string{
		"go.mod":               goMod("example.com/m", "./sdk"),
		"sdk/go.mod":           "module " + sdk + "\n\ngo 1.26\n",
		"sdk/lambda/lambda.go": sdkSource,
		"a/main.go":            hello,
		"a/plain.go":           "//go:build !stray\n\npackage main\n\nconst text = \"plain\"\n",
		"a/stray.go":           "//go:build stray\n\npackage main\n\nconst text = \"stray\"\n",
		"b/main.go":            hello,
		"b/text.go":            "package main\n\nconst text = \"b\"\n",
		"bad/main.go":          "package main\n\nfunc main() { undefined() }\n",
		"lost/main.go":         "package main\n\nimport \"example.com/m/nowhere\"\n\nfunc main() { nowhere.Run() }\n",
	}
}

// sdkSource stands for the package lambda of aws-lambda-go.
const sdkSource = "package lambda\n\nimport \"os\"\n\nfunc Start(text string) { os.Stdout.WriteString(text) }\n"

var (
	legacy    = Binary{Legacy, lambda.X86_64}
	bootstrap = Binary{Bootstrap, lambda.X86_64}
	onARM64   = Binary{Bootstrap, lambda.ARM64}
	single    = Binary{Single, lambda.X86_64}

	both = []Binary{legacy, bootstrap}
	all  = []Binary{legacy, bootstrap, onARM64, single}
)

func build(t *testing.T, root string, functions ...*Function) []*Function {
	t.Helper()
	for _, f := range functions {
		f.Package = filepath.Join(root, f.Name)
		if f.Binaries == nil {
			f.Binaries = both
		}
	}
	if err := Build(t.Context(), Options{Out: filepath.Join(root, "bin")}, functions); err != nil {
		t.Fatal(err)
	}
	return functions
}

func sums(t *testing.T, r *Function) map[Binary][32]byte {
	t.Helper()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	got := map[Binary][32]byte{}
	for binary, file := range r.Files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got[binary] = sha256.Sum256(data)
	}
	return got
}

func settings(t *testing.T, file string) map[string]string {
	t.Helper()
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	return got
}

func TestBinaries(t *testing.T) {
	root := module(t, simple())
	r := build(t, root,
		&Function{Name: "a", Binaries: all},
		&Function{Name: "b", Binaries: []Binary{bootstrap}, Tags: []string{"extra"}})
	sums(t, r[0])
	for binary, want := range map[Binary]struct{ arch, tags string }{
		legacy:    {"amd64", ""},
		bootstrap: {"amd64", "lambda.norpc,timetzdata"},
		onARM64:   {"arm64", "lambda.norpc,timetzdata"},
		single:    {"amd64", "timetzdata"},
	} {
		got := settings(t, r[0].Files[binary])
		for key, want := range map[string]string{"GOOS": "linux", "GOARCH": want.arch, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": "", "-tags": want.tags} {
			if got[key] != want {
				t.Errorf("%s: %s is %q, want %q", binary, key, got[key], want)
			}
		}
	}
	if _, ok := r[1].Files[bootstrap]; !ok || len(r[1].Files) != 1 {
		t.Errorf("files of b: %v, want bootstrap only", r[1].Files)
	}
	if tags := settings(t, r[1].Files[bootstrap])["-tags"]; tags != "extra,lambda.norpc,timetzdata" {
		t.Errorf("tags of b are %q", tags)
	}
}

func TestNames(t *testing.T) {
	names := map[Binary]string{legacy: "1", bootstrap: "2", onARM64: "3", single: "4"}
	data, err := json.Marshal(names)
	if want := `{"bootstrap":"2","bootstrap-arm64":"3","lambda":"1","single":"4"}`; err != nil || string(data) != want {
		t.Errorf("JSON is %s, %v; want %s", data, err, want)
	}
}

func TestInvalidBinaries(t *testing.T) {
	root := module(t, simple())
	for binary, want := range map[Binary]string{
		{Legacy, lambda.ARM64}: "building lambda-arm64: go1.x does not support arm64",
		{Single, lambda.ARM64}: "building single-arm64: go1.x does not support arm64",
		{Bootstrap, ""}:        `building bootstrap: unknown architecture "", want x86_64 or arm64`,
	} {
		f := build(t, root, &Function{Name: "a", Binaries: []Binary{binary}})[0]
		if f.Err == nil || f.Err.Error() != want {
			t.Errorf("error %v, want %s", f.Err, want)
		}
	}
}

// TestHost builds for this machine: one file serves both architectures.
func TestHost(t *testing.T) {
	root := module(t, simple())
	var mu sync.Mutex
	var commands []string
	f := &Function{Name: "a", Package: filepath.Join(root, "a"), Binaries: []Binary{bootstrap, onARM64}}
	o := Options{Host: true, Out: filepath.Join(root, "bin"), Command: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		commands = append(commands, line)
	}}
	if err := Build(t.Context(), o, []*Function{f}); err != nil {
		t.Fatal(err)
	}
	sums(t, f)
	if len(commands) != 1 || f.Files[bootstrap] != f.Files[onARM64] {
		t.Errorf("commands %q, files %v; want one of each", commands, f.Files)
	}
	if out, err := exec.Command(f.Files[onARM64]).Output(); err != nil || !strings.HasPrefix(string(out), "plain") {
		t.Errorf("the binary printed %q, %v", out, err)
	}
}

// TestMoreBinaries builds functions again for other binaries. The packages have
// the same name, so a second build of one of them could overwrite the other.
func TestMoreBinaries(t *testing.T) {
	files := simple()
	for _, dir := range []string{"x", "y"} {
		files[dir+"/a/main.go"] = hello
		files[dir+"/a/text.go"] = "package main\n\nconst text = \"" + dir + "\"\n"
	}
	root := module(t, files)
	x := &Function{Name: "x/a", Binaries: both}
	y := &Function{Name: "y/a", Binaries: []Binary{bootstrap}}
	build(t, root, x, y)
	wantX, wantY := sums(t, x), sums(t, y)
	before, err := os.Stat(y.Files[bootstrap])
	if err != nil {
		t.Fatal(err)
	}

	for _, binaries := range [][]Binary{{legacy, bootstrap}, {onARM64}} {
		y.Binaries = binaries
		build(t, root, y)
	}
	got := sums(t, y)
	if len(got) != 3 || got[bootstrap] != wantY[bootstrap] {
		t.Errorf("files %v, want lambda, bootstrap and bootstrap-arm64", y.Files)
	}
	if after, err := os.Stat(y.Files[bootstrap]); err != nil || !os.SameFile(before, after) {
		t.Errorf("bootstrap was linked again (%v)", err)
	}
	if !maps.Equal(sums(t, x), wantX) {
		t.Error("the build of one function has changed the binaries of another")
	}

	if err := os.WriteFile(filepath.Join(root, "y", "a", "text.go"), []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if build(t, root, y); y.Err == nil || len(y.Files) > 0 {
		t.Errorf("error %v, files %v; want an error and no files", y.Err, y.Files)
	}
}

// TestNamesThatDifferByCase needs a file system that has both packages. Their
// executables must have different names on every file system.
func TestNamesThatDifferByCase(t *testing.T) {
	files := simple()
	for _, name := range []string{"Foo", "foo"} {
		files["functions/"+name+"/main.go"] = hello
		files["functions/"+name+"/text.go"] = "package main\n\nconst text = \"" + name + "\"\n"
	}
	root := module(t, files)
	if entries, err := os.ReadDir(filepath.Join(root, "functions")); err != nil || len(entries) != 2 {
		t.Skip("the file system ignores case")
	}
	r := build(t, root, &Function{Name: "functions/Foo"}, &Function{Name: "functions/foo"})
	upper, lower := sums(t, r[0]), sums(t, r[1])
	for _, binary := range both {
		if upper[binary] == lower[binary] {
			t.Errorf("%s: both functions have the same bytes", binary)
		}
		if strings.EqualFold(r[0].Files[binary], r[1].Files[binary]) {
			t.Errorf("%s: the files are %s and %s", binary, r[0].Files[binary], r[1].Files[binary])
		}
	}
}

// TestSameBytes builds the same sources as another user would, in another place:
// with everything that could make a difference at once, and if that does, with
// each of it alone.
func TestSameBytes(t *testing.T) {
	want := sums(t, build(t, module(t, simple()), &Function{Name: "a", Binaries: all})[0])
	check := func(t *testing.T, root string) {
		t.Helper()
		got := sums(t, build(t, root, &Function{Name: "a", Binaries: all})[0])
		for _, binary := range all {
			if got[binary] != want[binary] {
				t.Errorf("%s has other bytes", binary)
			}
		}
	}

	flags := []string{"-buildvcs=true", "-tags=stray", "-ldflags=-X=main.x=y", "-race", "-mod=mod", "-trimpath=false", "-gcflags=-N"}
	variables := map[string]string{"GOAMD64": "v3", "GOARM64": "v9.0", "CGO_ENABLED": "1", "GOOS": "darwin", "GOARCH": "arm64", "GOEXPERIMENT": "nogreenteagc", "TZ": "Asia/Tokyo"}
	same := t.Run("everything", func(t *testing.T) {
		root := module(t, simple())
		commit(t, root)
		t.Setenv("GOFLAGS", strings.Join(flags, " "))
		for name, value := range variables {
			t.Setenv(name, value)
		}
		check(t, root)
	})
	t.Run("go env -w", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(file, []byte("GOFLAGS=-tags=stray\nGOAMD64=v3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOENV", file)
		check(t, module(t, simple()))
	})
	if same {
		return
	}
	t.Run("another directory", func(t *testing.T) { check(t, module(t, simple())) })
	for _, flag := range flags {
		t.Run("GOFLAGS="+flag, func(t *testing.T) {
			root := module(t, simple())
			commit(t, root)
			t.Setenv("GOFLAGS", flag)
			check(t, root)
		})
	}
	for name, value := range variables {
		t.Run(name+"="+value, func(t *testing.T) {
			t.Setenv(name, value)
			check(t, module(t, simple()))
		})
	}
}

// commit commits the files in root, if git is installed.
func commit(t *testing.T, root string) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Log("git is not installed: no commit")
		return
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "m"},
	} {
		cmd := exec.Command(git, args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// TestNothingToDo marks the binaries with a byte that a second link would not
// leave there.
func TestNothingToDo(t *testing.T) {
	root := module(t, simple())
	sizes := map[string]int64{}
	for _, r := range build(t, root, &Function{Name: "a"}, &Function{Name: "b"}) {
		for _, file := range r.Files {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte{0}); err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			sizes[file] = info.Size()
		}
	}
	build(t, root, &Function{Name: "a"}, &Function{Name: "b"})
	if len(sizes) != 4 {
		t.Errorf("%d binaries, want 4", len(sizes))
	}
	for file, size := range sizes {
		if info, err := os.Stat(file); err != nil || info.Size() != size {
			t.Errorf("%s was linked again (%v)", file, err)
		}
	}
}

func TestFailures(t *testing.T) {
	root := module(t, simple())
	r := build(t, root, &Function{Name: "a"}, &Function{Name: "bad"}, &Function{Name: "b"}, &Function{Name: "lost"}, &Function{Name: "bad", Binaries: []Binary{bootstrap}})
	sums(t, r[0])
	sums(t, r[2])
	if r[1].Err == nil || r[4].Err == nil || r[1].Err.Error() != r[4].Err.Error() {
		t.Errorf("a package has two errors:\n%v\n%v", r[1].Err, r[4].Err)
	}
	for i, want := range map[int]string{
		1: "go build of bootstrap and lambda:\n# example.com/m/bad\nbad/main.go:3:15: undefined: undefined",
		3: "package example.com/m/nowhere is not in std",
	} {
		if _, ok := errors.AsType[*Error](r[i].Err); !ok {
			t.Errorf("error of function %d is a %T", i, r[i].Err)
		} else if i == 1 && r[i].Err.Error() != want {
			t.Errorf("error of bad:\n%v\nwant:\n%s", r[i].Err, want)
		} else if i == 3 && !strings.Contains(r[i].Err.Error(), "lost/main.go:3:8") {
			t.Errorf("error of lost:\n%v", r[i].Err)
		}
	}
}

// TestSharedFailure breaks a module in a way that fails every package with the
// same output. No function may keep the binaries of the build before.
func TestSharedFailure(t *testing.T) {
	root := module(t, simple())
	for _, f := range build(t, root, &Function{Name: "a"}, &Function{Name: "b"}) {
		sums(t, f)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(goMod("example.com/m", "./sdk")+"\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range build(t, root, &Function{Name: "a"}, &Function{Name: "b"}) {
		if f.Err == nil || !strings.Contains(f.Err.Error(), "unknown directive: nonsense") || len(f.Files) > 0 {
			t.Errorf("%s: error %v, files %v; want the error of go.mod and no files", f.Name, f.Err, f.Files)
		}
	}
}

// TestTemporaryFiles builds where the system's directory for temporary files is
// missing: go build must use the one beside its output, and remove what a killed
// run left there.
func TestTemporaryFiles(t *testing.T) {
	root := module(t, simple())
	tmp := filepath.Join(root, "bin", "tmp")
	old, recent := filepath.Join(tmp, "go-build1"), filepath.Join(tmp, "go-build2")
	for _, dir := range []string{old, recent} {
		if err := os.MkdirAll(filepath.Join(dir, "b001"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*stale)); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(root, "missing")
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, missing)
	}
	sums(t, build(t, root, &Function{Name: "a"})[0])
	entries, err := os.ReadDir(tmp)
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(recent) {
		t.Errorf("temporary files: %v, %v; want only the recent ones", entries, err)
	}
}

func TestModules(t *testing.T) {
	files := simple()
	files["nested/go.mod"] = goMod("example.com/other/v3", "../sdk")
	files["nested/main.go"] = hello
	files["nested/text.go"] = "package main\n\nconst text = \"nested\"\n"
	files["nested/a/main.go"] = hello
	files["nested/a/text.go"] = "package main\n\nconst text = \"nested a\"\n"

	for name, work := range map[string]string{
		"nested":    "",
		"workspace": "go 1.26\n\nuse (\n\t.\n\t./nested\n)\n",
	} {
		t.Run(name, func(t *testing.T) {
			if work != "" {
				files["go.work"] = work
			}
			r := build(t, module(t, files), &Function{Name: "a"}, &Function{Name: "nested"}, &Function{Name: "nested/a"})
			var all [][32]byte
			for _, result := range r {
				for _, sum := range sums(t, result) {
					all = append(all, sum)
				}
			}
			slices.SortFunc(all, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
			if len(slices.Compact(all)) != 6 {
				t.Error("some functions have the same binary")
			}
		})
	}

	for name, work := range map[string]string{
		"outside a workspace with its parent":    "go 1.26\n\nuse .\n",
		"outside a workspace without its parent": "go 1.26\n\nuse ./other\n",
	} {
		t.Run(name, func(t *testing.T) {
			files["go.work"] = work
			files["other/go.mod"] = goMod("example.com/another", "../sdk")
			root := module(t, files)
			r := build(t, root, &Function{Name: "nested"})
			if want := "run: go work use " + filepath.Join(root, "nested"); r[0].Err == nil || !strings.HasSuffix(r[0].Err.Error(), want) {
				t.Errorf("error %v, want one that ends with %q", r[0].Err, want)
			}
		})
	}

	t.Run("none", func(t *testing.T) {
		root := t.TempDir()
		r := build(t, root, &Function{Name: "a"})
		if r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "is in no module: there is no go.mod in it or above") {
			t.Errorf("error %v", r[0].Err)
		}
	})
}

func TestNoGo(t *testing.T) {
	err := Build(t.Context(), Options{Go: "no-such-go", Out: t.TempDir()}, nil)
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v, want that there is no such command", err)
	}
}

// TestDamaged builds after a power cut has damaged a binary, which go build does
// not notice.
func TestDamaged(t *testing.T) {
	root := module(t, simple())
	first := build(t, root, &Function{Name: "a"})[0]
	want := sums(t, first)
	for _, file := range first.Files {
		if err := os.Truncate(file, 10_000); err != nil {
			t.Fatal(err)
		}
	}
	if got := sums(t, build(t, root, &Function{Name: "a"})[0]); !maps.Equal(got, want) {
		t.Errorf("other binaries: %x, want %x", got, want)
	}
}

// TestLinks refuses to write, and to remove what looks stale, elsewhere.
func TestLinks(t *testing.T) {
	for _, link := range []string{"bin", "bin/tmp"} {
		t.Run(link, func(t *testing.T) {
			root, elsewhere := module(t, simple()), t.TempDir()
			precious := filepath.Join(elsewhere, "precious")
			path := filepath.Join(root, filepath.FromSlash(link))
			err := errors.Join(os.Mkdir(precious, 0o755), os.Chtimes(precious, time.Time{}, time.Now().Add(-2*stale)), os.MkdirAll(filepath.Dir(path), 0o755))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			f := &Function{Name: "a", Package: filepath.Join(root, "a"), Binaries: both}
			err = Build(t.Context(), Options{Out: filepath.Join(root, "bin")}, []*Function{f})
			if err == nil || !strings.Contains(err.Error(), "is a symbolic link to "+elsewhere+"; remove the link") {
				t.Errorf("error %v", err)
			}
			if left, err := os.ReadDir(elsewhere); err != nil || len(left) != 1 {
				t.Errorf("the other directory has %v: %v", left, err)
			}
		})
	}
}
