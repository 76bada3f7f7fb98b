package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// extract writes the files of an archive to a new directory, and returns it.
func extract(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// extractPackages writes the packages for Load to a new directory.
func extractPackages(t *testing.T) string {
	t.Helper()
	const file = "testdata/load/packages.txtar"
	return extract(t, archives(t, file)[file])
}

// load loads a manifest in dir with a function for the package.
func load(t *testing.T, dir, pkg string) error {
	t.Helper()
	manifest := `{"environments": {"dev": {}}, "functions": [{"name": "a", "package": "` + pkg + `"}]}`
	if err := os.WriteFile(filepath.Join(dir, "lambdas.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	_, err := Load("lambdas.json")
	return err
}

// TestLoad loads the manifests in testdata/load, among their packages.
func TestLoad(t *testing.T) {
	for file, archive := range archives(t, "testdata/load/*.txtar") {
		abs, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Chdir(extract(t, archive))
			m, err := Load("lambdas.json")
			if m != nil || err == nil {
				t.Fatalf("got manifest %v and error %v", m, err)
			}
			i := slices.IndexFunc(archive.Files, isProblems)
			if got, want := err.Error(), content(archive.Files[i]); got != want && !*update {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			all := unjoin(err)
			var first Problem
			if !errors.As(err, &first) || first != all[0] || !errors.Is(err, all[len(all)-1]) {
				t.Errorf("the error does not join problems: %#v", err)
			}
			if *update {
				archive.Files[i].Data = []byte(err.Error())
				if err := os.WriteFile(abs, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestLoadPackageBehindLinks(t *testing.T) {
	outside := extract(t, &txtar.Archive{Files: []txtar.File{{Name: "a/main.go", Data: []byte("package main\n")}}})
	dir := extractPackages(t)
	for name, target := range map[string]string{
		"inside":    filepath.Join("functions", "example-api"),
		"outside":   filepath.Join(outside, "a"),
		"elsewhere": outside,
		"nowhere":   "no-such-file",
		"file":      "main.go",
		"loop":      "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links: %v", err)
		}
	}
	for _, test := range []struct{ pkg, want string }{
		{"./inside", ""},
		{"./outside", `"outside" leaves the repository through a symbolic link (only packages inside can be built)`},
		{"./elsewhere/a", `"elsewhere/a" leaves the repository through a symbolic link (only packages inside can be built)`},
		{"./nowhere", `following links of "nowhere": no such file or directory`},
		{"./nowhere/a", `looking for "nowhere/a": no such file or directory`},
		{"./file", `"file" is not a directory (name the directory that contains the package)`},
		{"./loop", `following links of "loop": EvalSymlinks: too many links`},
	} {
		t.Run(test.pkg, func(t *testing.T) {
			err := load(t, dir, test.pkg)
			if test.want == "" {
				checkLines(t, err)
			} else {
				checkLines(t, err, "lambdas.json:1:70: /functions/0/package: "+test.want)
			}
		})
	}

	t.Run("the repository itself", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		checkLines(t, load(t, link, "./functions/example-api"))
	})
}

func TestLoadPackageUnreadable(t *testing.T) {
	if os.Getuid() <= 0 || runtime.GOOS == "windows" {
		t.Skip("this user can read everything")
	}
	dir := extractPackages(t)
	functions := filepath.Join(dir, "functions")
	if err := os.Chmod(functions, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(functions, 0o755) })
	checkLines(t, load(t, dir, "./functions/example-api"),
		`lambdas.json:1:70: /functions/0/package: looking for "functions/example-api": permission denied`)
}

func TestCheckPackage(t *testing.T) {
	dir := extractPackages(t)
	for pkg, want := range map[string]string{
		"./functions/example-api":  "",
		"./functions/order-stream": "",
		"./functions/library":      `"functions/library" is package library, not package main (only package main builds into a binary)`,
		"./functions/exmaple-api":  `no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)`,
		"./functions/日本":           `"./functions/日本" is not a package directory (package directories look like ./functions/example-api)`,
		"../functions":             `package path "../functions" leaves the repository (only packages beside or below the manifest can be built)`,
	} {
		err := CheckPackage(dir, pkg)
		if want == "" {
			checkLines(t, err)
		} else {
			checkLines(t, err, want)
		}
		if problem := (Problem{}); err != nil && !errors.As(err, &problem) {
			t.Errorf("%s: got %T, want a Problem", pkg, err)
		}
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("huge.json", []byte(strings.Repeat(" ", maxSize+1)), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"lambdas.json": "reading manifest: open lambdas.json: no such file or directory",
		"huge.json":    "reading manifest: huge.json is larger than 1.0 MB (is it the right file?)",
		".":            "reading manifest: read .: is a directory",
	} {
		if _, err := Load(file); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	if _, err := Load("lambdas.json"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

// TestLoadRepository checks the manifest of this repository.
func TestLoadRepository(t *testing.T) {
	m, err := Load(filepath.Join(root, "lambdas.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "./" + SchemaFile; m.Schema != want {
		t.Errorf("got schema %q, want %q", m.Schema, want)
	}
	targets, err := m.Select("prod", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := targets[0]; got.FunctionName != "prod-example-api" || got.Environment.Profile != "our_prod" {
		t.Errorf("got first function %s of profile %s, want prod-example-api of our_prod", got.FunctionName, got.Environment.Profile)
	}
}
