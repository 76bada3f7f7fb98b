package build

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// module writes files, by path, below a new directory. The standard library is
// all that they import.
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

const hello = "package main\n\nimport (\n\t\"os\"\n\t\"time\"\n)\n\nfunc main() { os.Stdout.WriteString(text + time.Now().String()) }\n"

func simple() map[string]string {
	return map[string]string{
		"go.mod":       "module example.com/m\n\ngo 1.26\n",
		"a/main.go":    hello,
		"a/plain.go":   "//go:build !stray\n\npackage main\n\nconst text = \"plain\"\n",
		"a/stray.go":   "//go:build stray\n\npackage main\n\nconst text = \"stray\"\n",
		"b/main.go":    hello,
		"b/text.go":    "package main\n\nconst text = \"b\"\n",
		"bad/main.go":  "package main\n\nfunc main() { undefined() }\n",
		"lost/main.go": "package main\n\nimport \"example.com/m/nowhere\"\n\nfunc main() { nowhere.Run() }\n",
	}
}

var both = []Binary{Lambda, Bootstrap}

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
	r := build(t, root, &Function{Name: "a"}, &Function{Name: "b", Binaries: []Binary{Bootstrap}, Tags: []string{"extra"}})
	sums(t, r[0])
	lambda, bootstrap := settings(t, r[0].Files[Lambda]), settings(t, r[0].Files[Bootstrap])
	for key, want := range map[string]string{"GOOS": "linux", "GOARCH": "amd64", "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": ""} {
		if lambda[key] != want || bootstrap[key] != want {
			t.Errorf("%s is %q and %q, want %q", key, lambda[key], bootstrap[key], want)
		}
	}
	if lambda["-tags"] != "" || bootstrap["-tags"] != "lambda.norpc,timetzdata" {
		t.Errorf("tags are %q and %q", lambda["-tags"], bootstrap["-tags"])
	}
	if _, ok := r[1].Files[Lambda]; ok || len(r[1].Files) != 1 {
		t.Errorf("files of b: %v, want bootstrap only", r[1].Files)
	}
	if tags := settings(t, r[1].Files[Bootstrap])["-tags"]; tags != "extra,lambda.norpc,timetzdata" {
		t.Errorf("tags of b are %q", tags)
	}
}

// TestSameBytes builds the same sources as another user would, in another
// place.
func TestSameBytes(t *testing.T) {
	want := sums(t, build(t, module(t, simple()), &Function{Name: "a"})[0])
	check := func(t *testing.T, root string) {
		t.Helper()
		got := sums(t, build(t, root, &Function{Name: "a"})[0])
		for _, binary := range both {
			if got[binary] != want[binary] {
				t.Errorf("%s has other bytes", binary)
			}
		}
	}

	t.Run("another directory", func(t *testing.T) { check(t, module(t, simple())) })
	for _, flags := range []string{"-buildvcs=true", "-tags=stray", "-ldflags=-X=main.x=y", "-race", "-mod=mod -trimpath=false", "-gcflags=-N"} {
		t.Run("GOFLAGS="+flags, func(t *testing.T) {
			t.Setenv("GOFLAGS", flags)
			check(t, module(t, simple()))
		})
	}
	for name, value := range map[string]string{"GOAMD64": "v3", "CGO_ENABLED": "1", "GOOS": "darwin", "GOARCH": "arm64", "GOEXPERIMENT": "nogreenteagc", "TZ": "Asia/Tokyo"} {
		t.Run(name+"="+value, func(t *testing.T) {
			t.Setenv(name, value)
			check(t, module(t, simple()))
		})
	}
	t.Run("go env -w", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(file, []byte("GOFLAGS=-tags=stray\nGOAMD64=v3\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOENV", file)
		check(t, module(t, simple()))
	})
	t.Run("after a commit", func(t *testing.T) {
		git, err := exec.LookPath("git")
		if err != nil {
			t.Skip("git is not installed")
		}
		root := module(t, simple())
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
		t.Setenv("GOFLAGS", "-buildvcs=true")
		check(t, root)
	})
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
	r := build(t, root, &Function{Name: "a"}, &Function{Name: "bad"}, &Function{Name: "b"}, &Function{Name: "lost"})
	sums(t, r[0])
	sums(t, r[2])
	for i, want := range map[int]string{
		1: "go build of lambda:\n# example.com/m/bad\nbad/main.go:3:15: undefined: undefined",
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
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module example.com/m\n\ngo 1.26\n\nnonsense\n"), 0o600); err != nil {
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
	files["nested/go.mod"] = "module example.com/other/v3\n\ngo 1.26\n"
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
